#!/bin/sh
# Makes sure that a Chromium is here for the tests of the whole product, and a font to see its pages with.
set -eu
for path in /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome; do
  if [ -x "$path" ]; then
    exit 0
  fi
done
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "The tests need Chromium in /usr/bin. Install it once, on Debian: sudo apt-get install chromium fonts-liberation" >&2
  exit 1
fi
echo "  Installing Chromium"
install() {
  # Another apt may be at work, on a fresh machine above all.
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq \
    --no-install-recommends chromium fonts-liberation >/dev/null
}
# A fresh image has no package lists, and stale ones name versions that are gone.
if ! install 2>/dev/null; then
  apt-get -o DPkg::Lock::Timeout=300 update -qq
  install
fi
