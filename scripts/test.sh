#!/bin/sh
# Runs the tests: all of them, or the files named. Options of the test runner come first and as one word each:
# npm test -- --test-name-pattern=drain src/proxy/retry.test.ts
set -eu
cd "$(dirname "$0")/.."

# Under CI the checks come first, so that the runner's own count closes the output.
if [ "${CI:-}" = true ]; then
  sh scripts/check.sh
  # What is drawn by chance is the same each time: what passes once passes again. Elsewhere each run draws anew.
  export TIDEGATE_FUZZ_SEED="${TIDEGATE_FUZZ_SEED:-1}"
fi

files=no
for argument in "$@"; do
  case $argument in -*) ;; *) files=yes ;; esac
done
if [ "$files" = no ]; then set -- "$@" 'src/**/*.test.ts' 'test/**/*.test.ts'; fi

# No test takes a minute; one that waits for ever shall fail, and not the whole run.
exec sh scripts/node.sh --test --test-concurrency=2 --test-timeout=300000 "$@"
