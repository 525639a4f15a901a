#!/bin/sh
# Builds the agent as one file that needs nothing but Node, and says how large it is.
set -eu
cd "$(dirname "$0")/.."

npm run bundle -w @quern/agent --silent -- --logLevel warn
file=apps/agent/dist/quern-agent.mjs
chmod 755 "$file"
echo "$file: $(wc -c <"$file") bytes, $(gzip -9c "$file" | wc -c) compressed"
