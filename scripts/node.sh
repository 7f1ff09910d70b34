#!/bin/sh
# Runs a script of this project with the Node.js that Tidegate itself would use: scripts/node.sh FILE [ARG ...]
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/find-node.sh"
node=$(find_node "$root") || { echo "No Node.js 24.15 or newer: run 'npm install'." >&2; exit 69; }
exec "$node" --no-warnings=ExperimentalWarning "$@"
