#!/bin/sh
# Checks types, lint, layers and format, and that the generated reference is the one the code would generate now.
set -eu
cd "$(dirname "$0")/.."

sh scripts/node.sh node_modules/typescript/bin/tsc --noEmit -p .
sh scripts/node.sh node_modules/@biomejs/biome/bin/biome ci --error-on-warnings .
sh scripts/node.sh scripts/generate.ts >/dev/null

git rev-parse --is-inside-work-tree >/dev/null 2>&1 || exit 0
if ! git diff --exit-code --stat -- docs/reference || [ -n "$(git ls-files --others --exclude-standard docs/reference)" ]; then
  echo "docs/reference is out of date: run 'npm run generate' and add what it changed." >&2
  exit 1
fi
