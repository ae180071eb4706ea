# All commands for work with a clone. `make` without a target lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

NPM_FILES := package.json package-lock.json $(wildcard packages/*/package.json services/*/package.json examples/*/package.json test/*/package.json bench/package.json web/package.json)
SOURCES := tsconfig.base.json tsconfig.json $(shell find packages services examples test bench web \( -name node_modules -o -name dist \) -prune -o \( -name '*.ts' -o -name '*.tsx' -o -name 'tsconfig.json' \) -print)
PAGE := $(shell find web packages/client packages/contract \( -name node_modules -o -name dist -o -name test \) -prune -o -type f -print)

.PHONY: help install build start token vapid-keys cluster up scale logs down look backup restore bench package lint format clean
.PHONY: test test-all test-unit test-database test-broker test-system test-browser test-stack test-upgrade chaos

help: ## List these targets
	@grep -hE '^[a-z -]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ gsub(/ /, ", ", $$1); printf "  make %-13s %s\n", $$1, $$2 }'

install: node_modules/.installed ## Install the dependencies that package-lock.json names
node_modules/.installed: $(NPM_FILES)
	@node -e 'if (process.versions.node.split(".")[0] < 20) { console.error("Rabble needs Node.js 20 or newer; this is " + process.version); process.exit(1) }'
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

build: dist/.built web/dist/.built web/dist/.described ## Compile what has changed
dist/.built: node_modules/.installed $(SOURCES)
	tsc -b
	@npm run --silent bundle --workspace packages/contract
	@mkdir -p dist && touch $@

# The page's imports are compiled first. Vite builds the page only if one of its files has changed.
web/dist/.built: $(PAGE) | dist/.built
	@cd web && vite build --logLevel warn
	@touch $@

# The descriptions of the interfaces follow from the code of all services and from the pages of the protocol. Vite empties the folder.
web/dist/.described: dist/.built web/dist/.built $(wildcard docs/protocol/*.md) services/api-docs/src/page/style.css web/src/styles/tokens.css
	node --enable-source-maps services/api-docs/dist/src/main.js web/dist/site
	@touch $@

start: build ## Run Rabble in one process: PORT (8080), HOST (127.0.0.1), DATA_DIR (./data)
	@exec node --enable-source-maps services/standalone/dist/src/main.js

# Only values from the command line count, since the shell sets USER as well. Quotes in a name are kept.
given = '$(if $(filter command line,$(origin $(1))),$(subst ','\'',$($(1))))'
token: build ## Print a token: USER=ada [NAME=Ada] [ROLES=moderator,service] [HOURS=24]
	@docker/token \
	  --user=$(call given,USER) --name=$(call given,NAME) --roles=$(call given,ROLES) --hours=$(call given,HOURS)

vapid-keys: build ## Print keys for notifications while the page is closed: docs/operations.md
	@node services/history/dist/src/vapid-main.js

cluster: build ## Run all services as processes of this machine: PORT (8080), HOST, GATEWAYS (2), DATA_DIR (./data-cluster)
	@test/setup
	@exec node --enable-source-maps test/harness/dist/src/cluster-main.js

up: ## Run everything in containers (Docker Compose): RABBITMQ_NODES (1, or 3 of which any one may die)
	@RABBITMQ_NODES='$(RABBITMQ_NODES)' docker/env
	docker compose up --build --detach --wait
	@docker/addresses

scale: ## Change the number of gateways in containers: N=4
	@case '$(N)' in ''|*[!0-9]*|0) echo 'make scale N=4: how many gateways?' >&2; exit 2;; esac
	docker compose up --detach --wait --no-recreate --scale gateway=$(N)

logs: ## Follow the logs of `make cluster` or, if it doesn't run, of the containers: SERVICE=gateway for some of them
	@folder=$${DATA_DIR:-data-cluster}; \
	if [ -e "$$folder/cluster.json" ]; then exec tail -q -n 100 -F "$$folder"/logs/$(SERVICE)*.log; fi; \
	exec docker compose logs --follow --tail 100 $(SERVICE)

down: ## Stop and remove the containers; the data stays in its volumes
	docker compose down

look: ## Open a page of the stack that has no public port: PAGE (visualizer), or prometheus, grafana, alertmanager, jaeger
	@docker/look $(PAGE)

backup: ## Make a backup while Rabble runs, of DATA_DIR or the containers: TO (./backups) [OF=data|containers]
	@docker/backup --to '$(or $(TO),./backups)' $(if $(OF),--of '$(OF)')

restore: ## Put a backup back, into DATA_DIR or the containers: FROM=backups/… [REPLACE=1] [NOTHING_LOST=1]
	@docker/restore $(if $(REPLACE),--replace) $(if $(NOTHING_LOST),--nothing-lost) '$(FROM)'

# test/runner/src/parts.ts assigns the files to parts.
run_tests = exec node --enable-source-maps test/runner/dist/src/main.js $(ARGS)

test: build ## Run the tests (TESTS='FILE …' for some), but for the long forms: ARGS=--help
	@test/setup
	@$(run_tests) $(TESTS)

test-all: build ## Run all tests, or TESTS='FILE …', in their long forms, and say which took longest
	@test/setup
	@$(run_tests) --all $(TESTS)

test-unit: build ## Run the tests that need no server, in less than a minute
	@$(run_tests) --part unit

test-database test-broker test-system test-browser: build ## Run the tests of one part, with the servers that it needs
	@test/setup
	@$(run_tests) --part $(@:test-%=%)

test-stack: build ## Run the containers for real, under load, killing and updating them (needs Docker): ARGS=--help
	@exec node --enable-source-maps test/stack/dist/src/main.js $(ARGS)

test-upgrade: build ## Update a running system from the first version to this one, and go back by one, under load: ARGS=--help
	@test/setup
	@exec node --enable-source-maps test/stack/dist/src/upgrade/main.js $(ARGS)

chaos: build ## Kill, freeze and cut off processes at random while people chat, and check what they were told: ARGS=--help
	@test/setup
	@exec node --enable-source-maps test/stack/dist/src/chaos/main.js $(ARGS)

bench: build ## List the benchmarks, or run one: BENCH=history-catch-up ARGS='--events 20000'
ifdef BENCH
	@test/setup
	@exec node --enable-source-maps bench/dist/src/$(BENCH)/main.js $(ARGS)
else
	@for main in bench/src/*/main.ts; do name=$${main%/main.ts}; node bench/dist/src/$${name##*/}/main.js --help | head -n 1; done
endif

# Tarballs as `npm publish` would make them. docs/releasing.md says why the packages have folders of their own.
package: build ## Make the npm packages, @rabble/client and @rabble/react, and print the paths of their tarballs
	@for name in client react; do \
	  node --enable-source-maps packages/packaging/dist/src/main.js $$name || exit 1; \
	  (cd dist && echo "$$PWD/$$(npm pack --silent ../packages/$$name/dist/package)") || exit 1; \
	done

lint: install ## Check format, style and types, without a warning
	biome check --error-on-warnings .
	tsc -b

format: install ## Format and fix what can be fixed
	biome check --write .

clean: ## Remove what was built and installed (not DATA_DIR)
	rm -rf dist node_modules packages/*/dist services/*/dist test/*/dist examples/*/dist bench/dist web/dist .test-output
