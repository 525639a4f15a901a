# make help lists the targets. Everything here works on a bare machine with Node.js and make.
.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
BIN := node_modules/.bin

.PHONY: up api runner web migrate tables settings lint test e2e bench build install clean help

up: build ## install, build and start everything; DATABASE_URL for a PostgreSQL of your own
	@exec node apps/standalone/dist/main.js

api: build ## start the API alone (needs DATABASE_URL and QUERN_KEYS)
	@exec node apps/api/dist/main.js

runner: build ## start a runner alone (needs DATABASE_URL and QUERN_KEYS)
	@exec node apps/runner/dist/main.js

web: install ## serve the web app for development, reloading as you edit
	@exec npm run dev -w @quern/web

migrate: build ## bring the metadata database up to this version, and stop
	@exec node apps/standalone/dist/migrate-main.js

tables: build ## write the table types of packages/store anew after a migration
	@node scripts/dist/check-tables.js --write

settings: build ## write the settings table of README.md anew
	@node scripts/dist/check-settings.js --write

lint: build ## format, lint, types, who imports whom, dead code, generated files
	@$(BIN)/biome ci --diagnostic-level=error .
	@npm run typecheck -w @quern/web --silent
	@node scripts/dist/check-rooms.js
	@$(BIN)/knip --no-progress
	@node scripts/dist/check-tables.js
	@node scripts/dist/check-settings.js

test: build ## run every test, in a real browser too
	@sh scripts/chromium.sh
	@$(BIN)/vitest run --reporter=default --reporter=./scripts/src/count-reporter.ts

e2e: build ## run the tests of the whole product only
	@sh scripts/chromium.sh
	@$(BIN)/vitest run --project e2e --reporter=default --reporter=./scripts/src/count-reporter.ts

bench: build ## run the benchmarks, each beside a peer
	@node bench/dist/main.js

build: install
	@sh scripts/build.sh

install:
	@sh scripts/install.sh

clean: ## remove what was built and installed; data stays
	rm -rf node_modules artifacts */node_modules packages/*/node_modules apps/*/node_modules
	rm -rf packages/*/dist apps/*/dist e2e/dist bench/dist scripts/dist

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
