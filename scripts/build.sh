#!/bin/sh
# Builds what is older than its sources. tsc -b keeps its own account; the web app is stamped.
set -eu
cd "$(dirname "$0")/.."

node_modules/.bin/tsc -b

stamp=apps/web/dist/.built
sources="apps/web/src apps/web/public apps/web/index.html apps/web/vite.config.ts apps/web/package.json
  packages/contract/src packages/results/src/read package-lock.json"
# Folders are compared as well as files: a file that was removed leaves its folder newer.
# shellcheck disable=SC2086
if [ -f "$stamp" ] && [ -z "$(find $sources -newer "$stamp" | head -n 1)" ]; then
  exit 0
fi
echo "  Building the web app"
started=$(mktemp)
npm run build -w @quern/web --silent -- --logLevel warn
# The time at which the build began: what changed while it ran is built next time.
touch -r "$started" "$stamp"
rm -f "$started"
