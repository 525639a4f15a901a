#!/bin/sh
# Installs the dependencies when they are missing or package-lock.json changed since.
set -eu
cd "$(dirname "$0")/.."

if ! command -v node >/dev/null 2>&1; then
  echo "Quern needs Node.js 20.19 or newer, and there is no node here. Get it from https://nodejs.org." >&2
  exit 1
fi
if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
  echo "Quern needs Node.js 20.19 or newer, and this is $(node --version). Get it from https://nodejs.org." >&2
  exit 1
fi

# Content, not time: a checkout touches files that it does not change.
installed=node_modules/.quern-installed-lock
if cmp -s package-lock.json "$installed"; then
  exit 0
fi
# What somebody installed by hand is as good; npm writes this file last.
if [ ! -e "$installed" ] && [ node_modules/.package-lock.json -nt package-lock.json ]; then
  cp package-lock.json "$installed"
  exit 0
fi
echo "  Installing dependencies (half a minute to some minutes)"
rm -f "$installed"
# Nothing that Quern uses needs an install script to run, so none gets the chance.
if ! npm ci --include=dev --ignore-scripts --no-audit --no-fund --loglevel=error; then
  echo "The dependencies could not be installed: npm says why above. It needs a registry that it can reach (npm config get registry) and about 1 GB of disk." >&2
  exit 1
fi
cp package-lock.json "$installed"
