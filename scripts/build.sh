#!/bin/sh
# Builds what is older than its sources. tsc -b keeps its own account; the web app is stamped.
set -eu
cd "$(dirname "$0")/.."

[ -d apps/api/dist ] || echo "  Building the server"
node_modules/.bin/tsc -b

stamp=node_modules/.quern-web-built
sources="apps/web/src apps/web/public apps/web/index.html apps/web/vite.config.ts apps/web/package.json
  apps/web/tsconfig.json packages/contract/src packages/results/src/read package-lock.json"
# Folders are compared as well as files: a file that was removed leaves its folder newer.
# shellcheck disable=SC2086
if [ -f apps/web/dist/index.html ] && [ -f "$stamp" ] && [ -z "$(find $sources -newer "$stamp" | head -n 1)" ]; then
  exit 0
fi
echo "  Building the web app"
# The stamp has the time at which the build began: what changed while it ran is built next time.
rm -f "$stamp"
: >"$stamp.begun"
npm run build -w @quern/web --silent -- --logLevel warn
mv "$stamp.begun" "$stamp"
