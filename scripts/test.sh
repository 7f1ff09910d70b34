#!/bin/sh
# Runs the tests: all of them, or the files named. Options of the test runner come first and as one word each:
# npm test -- --test-name-pattern=drain src/proxy/retry.test.ts
set -eu
cd "$(dirname "$0")/.."

# Under CI the checks come first, so that the runner's own count closes the output.
if [ "${CI:-}" = true ]; then sh scripts/check.sh; fi

files=no
for argument in "$@"; do
  case $argument in -*) ;; *) files=yes ;; esac
done
if [ "$files" = no ]; then set -- "$@" 'src/**/*.test.ts' 'test/**/*.test.ts'; fi

# No test takes a minute; one that waits for ever shall fail, and not the whole run.
exec sh scripts/node.sh --test --test-concurrency=2 --test-timeout=300000 "$@"
