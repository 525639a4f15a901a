#!/bin/sh
# Installs, builds and tests; arguments are names of Vitest projects. The last line is always
# `N passed, N failed`: when nothing could be built, no test could run, which is a failure too.
cd "$(dirname "$0")/.." || exit 1
mkdir -p artifacts
rm -f artifacts/test-summary
if sh scripts/install.sh && sh scripts/build.sh && sh scripts/test-programs.sh; then
  node scripts/dist/run-tests.js "$@"
  status=$?
else
  status=1
fi
if [ ! -f artifacts/test-summary ]; then
  echo "0 passed, 1 failed" | tee artifacts/test-summary
  status=1
fi
exit "$status"
