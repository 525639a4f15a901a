#!/bin/sh
# Builds what is older than its sources. tsc -b keeps its own account; the web app is stamped. Neither needs what the other makes,
# so they are built at the same time.
set -eu
cd "$(dirname "$0")/.."

[ -d apps/api/dist ] || echo "  Building the server"
node_modules/.bin/tsc -b &
server=$!
# A shell without a terminal of its own keeps an interrupt from what it started beside itself.
trap 'kill "$server" 2>/dev/null; exit 130' INT TERM

stamp=node_modules/.quern-web-built
sources="apps/web/src apps/web/public apps/web/index.html apps/web/vite.config.ts apps/web/package.json
  apps/web/tsconfig.json packages/contract/src packages/results/src/read package-lock.json"
build_web() {
  # Folders are compared as well as files: a file that was removed leaves its folder newer.
  # shellcheck disable=SC2086
  if [ -f apps/web/dist/index.html ] && [ -f "$stamp" ] && [ -z "$(find $sources -newer "$stamp" | head -n 1)" ]; then
    return 0
  fi
  echo "  Building the web app"
  # The stamp has the time at which the build began: what changed while it ran is built next time.
  rm -f "$stamp"
  : >"$stamp.begun"
  npm run build -w @quern/web --silent -- --logLevel warn && mv "$stamp.begun" "$stamp"
}
# Whoever can see the page can fetch the agent that sends to it: one file beside the page.
agent=apps/web/dist/quern-agent.mjs
build_agent() {
  agent_sources="apps/agent/src apps/agent/package.json apps/agent/rolldown.config.ts packages/contract/src packages/runtime/src package-lock.json"
  # shellcheck disable=SC2086
  if [ -f "$agent" ] && [ -z "$(find $agent_sources -newer "$agent" | head -n 1)" ]; then
    return 0
  fi
  npm run bundle -w @quern/agent --silent -- --logLevel warn >/dev/null && cp apps/agent/dist/quern-agent.mjs "$agent"
}
failed=0
build_web && build_agent || failed=1
wait "$server" || failed=1
exit "$failed"
