#!/bin/sh
# Brings what the other commands need, and nothing when it is all here: npm packages, and with --test the Debian programs
# that some tests run against. Without root or apt-get those tests skip themselves; with CI=true that is a failure.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

# The stamp is the lock file that the installed packages came from; it is written last, so a broken-off installation counts
# as none.
stamp=node_modules/.tidegate-stamp

install_packages() {
  echo "Installing packages (once) ..." >&2
  rm -f "$stamp"
  log=$(mktemp)
  status=0
  # It may seem wise to use npm ci; however, that refuses a lock file without the packages of every platform, and ours has
  # those that Tidegate runs on. With --no-save the lock file is followed and left alone.
  npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=warn >"$log" 2>&1 || status=$?
  # EBADENGINE is not about us, since the launcher brings its own Node.js; nor is what npm thinks of the user's settings.
  grep -v -e EBADENGINE -e 'Unknown .* config' -e '^added ' -e '^changed ' -e '^up to date' -e '^$' "$log" >&2 || true
  rm -f "$log"
  if [ "$status" -ne 0 ]; then
    echo "Installing the packages failed (npm ended with $status, see above)." >&2
    exit "$status"
  fi
  cp package-lock.json "$stamp"
}

# Prints PROGRAM:PACKAGE of each peer that is not installed.
missing_peers() {
  for peer in nginx:nginx-light haproxy:haproxy wrk:wrk curl:curl etcd:etcd-server dnsmasq:dnsmasq-base redis-server:redis-server \
    nghttp:nghttp2-client nghttpd:nghttp2-server pebble:pebble openssl:openssl chromium:chromium; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${peer%%:*}" >/dev/null 2>&1 || echo "$peer"
  done
}

ensure_peers() {
  missing=$(missing_peers)
  [ -n "$missing" ] || return 0
  why="only root can install them, with apt-get"
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    # shellcheck disable=SC2046
    sh scripts/install-peers.sh $(echo "$missing" | sed 's/.*://') || true
    missing=$(missing_peers)
    [ -n "$missing" ] || return 0
    why="apt-get could not install them"
  fi
  names=$(echo "$missing" | sed 's/:.*//' | tr '\n' ' ')
  echo "Skipping the tests that run against ${names% }: not installed, and $why." >&2
  [ "${CI:-}" != true ] || { echo "With CI=true nothing may be skipped." >&2; exit 1; }
}

cmp -s package-lock.json "$stamp" || install_packages
if [ "${1:-}" = --test ]; then ensure_peers; fi
