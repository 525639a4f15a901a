#!/bin/sh
# Every check, one after the other, while the slowest, the types of the web app, goes on beside them. All are told, then it fails.
cd "$(dirname "$0")/.." || exit 1
failed=0
check() {
  echo "  $1"
  shift
  "$@" || failed=1
}

npm run typecheck -w @quern/web --silent >node_modules/.quern-types 2>&1 &
types=$!
check "Format and lint" node_modules/.bin/biome ci --diagnostic-level=error .
check "Who imports whom" node scripts/dist/check-rooms.js
check "Dead code" node_modules/.bin/knip --no-progress
check "Generated table types" node scripts/dist/check-tables.js
check "Settings in README.md" node scripts/dist/check-settings.js
check "Words and their French" node scripts/dist/check-words.js
echo "  Types of the web app"
wait $types || failed=1
cat node_modules/.quern-types
exit $failed
