# make help lists the targets. Everything here works on a bare machine with Node.js and make.
.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
BIN := node_modules/.bin

.PHONY: up api runner sandbox agent web migrate lint test test-matrix e2e bench build tables settings clean help install

up: build ## install, build and start everything; DATABASE_URL for a PostgreSQL of your own
	@exec node apps/standalone/dist/main.js

api: build ## start the API alone (needs DATABASE_URL and QUERN_KEYS)
	@exec node apps/api/dist/main.js

runner: build ## start a runner alone (needs DATABASE_URL and QUERN_KEYS)
	@exec node apps/runner/dist/main.js

sandbox: build ## start a sandbox for Projects alone (needs DATABASE_URL)
	@exec node apps/sandbox/dist/main.js

agent: install ## build the monitoring agent as one file, apps/agent/dist/quern-agent.mjs
	@sh scripts/agent.sh

web: install ## serve the web app for development, before an API on port 3000
	@exec npm run dev -w @quern/web

migrate: build ## bring the metadata database up to this version, and stop
	@exec node apps/standalone/dist/migrate-main.js

lint: build ## format, lint, types, who imports whom, dead code, generated files, translations
	@sh scripts/lint.sh

test: ## run every test, in a real browser too
	@sh scripts/test.sh

test-matrix: build ## run the agent's tests on PostgreSQL 13 to 18, each real
	@QUERN_TEST_MATRIX=1 $(BIN)/vitest run --project unit apps/agent/src/postgres

e2e: ## run the tests of the whole product only
	@sh scripts/test.sh e2e

bench: build ## run the benchmarks, each beside a peer
	@node bench/dist/main.js

build: install ## build what changed
	@sh scripts/build.sh

tables: build ## write the table types of packages/store anew after a migration
	@node scripts/dist/check-tables.js --write

settings: build ## write the settings table of README.md anew
	@node scripts/dist/check-settings.js --write

clean: ## remove what was built and installed; data stays
	rm -rf node_modules */node_modules packages/*/node_modules apps/*/node_modules
	rm -rf packages/*/dist apps/*/dist e2e/dist bench/dist scripts/dist artifacts

install:
	@sh scripts/install.sh

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Settings are environment variables, listed in README.md: PORT=3001 make up"
