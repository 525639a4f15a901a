#!/bin/sh
# Makes sure that a Chromium is here for the tests of the whole product.
set -eu
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then
    exit 0
  fi
done
if [ -n "${CHROMIUM:-}" ] && [ -x "$CHROMIUM" ]; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "The tests need Chromium. Install it (Debian: sudo apt-get install chromium), or name yours: CHROMIUM=/path/to/chrome make test" >&2
  exit 1
fi
echo "  Installing Chromium"
install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
}
# A fresh image has no package lists, and stale ones name versions that are gone.
install 2>/dev/null || { apt-get update -qq && install; }
