NODE_DIR := $(wildcard $(CURDIR)/.node/node_modules/node-linux-*/bin)
export PATH := $(CURDIR)/node_modules/.bin:$(if $(NODE_DIR),$(NODE_DIR):)$(PATH)

.PHONY: golden help setup build check format lint types unit test-integration test-system test bench knip clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 22

setup: ## Node and npm packages, once
	tools/setup

build: ## compile to dist/
	tools/build

# All four, whatever one of them says: a lint error must not hide a failing test.
check: ## format, lint, types, unit and architecture tests
	@failed=; \
	biome check --error-on-warnings . || failed="$$failed format"; \
	oxlint --type-aware || failed="$$failed lint"; \
	tsc -p tsconfig.json || failed="$$failed types"; \
	vitest run --project unit $(VITEST_FLAGS) || failed="$$failed unit-tests"; \
	[ -z "$$failed" ] || { echo "make check failed:$$failed"; exit 1; }

format: ## format everything
	biome check --write .

types: ## type check only
	tsc -p tsconfig.json

unit: ## unit tests only
	vitest run --project unit

test-integration: build ## real database, gpg, dpkg, apt
	vitest run --project integration $(VITEST_FLAGS)

test-system: build ## the whole daemon as a black box
	vitest run --project system $(VITEST_FLAGS)

test: check test-integration test-system ## everything

golden: ## write test/golden/ anew: look at the difference before you commit it
	rm -rf test/golden
	UPDATE_GOLDEN=1 vitest run --project unit test/golden.test.ts

bench: build ## measurements beside their peers: an hour on a quiet machine, as an ordinary user
	node bench/daemon.ts
	node bench/upload-to-installed.ts
	node bench/kills.ts
	node bench/builds.ts --plain
	node bench/bit-identity.ts
	node bench/archive.ts

knip: ## what nothing uses
	knip

clean:
	rm -rf dist
