#!/bin/sh
# Makes sure that what the tests need besides Node.js is here: Chromium, with a font to see its pages with; git, whose server
# projects are imported from; psql, which scripts must behave like; openssl, for certificates; MariaDB, which the agent reads.
set -eu
has_chromium() {
  for path in /usr/bin/chromium-headless-shell /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome; do
    if [ -x "$path" ]; then return 0; fi
  done
  return 1
}
missing=
has_chromium || missing="$missing chromium-headless-shell fonts-liberation"
command -v git >/dev/null 2>&1 || missing="$missing git"
command -v psql >/dev/null 2>&1 || missing="$missing postgresql-client"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
# The server alone: the package that starts it as a service is another one.
[ -x /usr/sbin/mariadbd ] || missing="$missing mariadb-server-core"
if [ -z "$missing" ]; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  if has_chromium; then
    echo "  Not here, so some tests are skipped or fail:$missing" >&2
    exit 0
  fi
  echo "The tests need Chromium in /usr/bin. Install what is missing once, on Debian: sudo apt-get install$missing" >&2
  exit 1
fi
echo "  Installing$missing"
install() {
  # Another apt may be at work, on a fresh machine above all.
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq \
    --no-install-recommends $missing >/dev/null
}
# A fresh image has no package lists, and stale ones name versions that are gone.
if ! install 2>/dev/null; then
  apt-get -o DPkg::Lock::Timeout=300 update -qq
  # Chromium without windows is a package of its own only where Chromium is recent.
  apt-cache show chromium-headless-shell >/dev/null 2>&1 ||
    missing=$(echo "$missing" | sed 's/chromium-headless-shell/chromium/')
  install
fi
