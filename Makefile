PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ASSETS := src/referral/entrypoints/http/assets
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input install

RUNTIME := $(VENV)/runtime.installed
DEV := $(VENV)/dev.installed
MUTATION := $(VENV)/mutation.installed
AUDIT := $(VENV)/audit.installed

.DEFAULT_GOAL := help
.PHONY: help diagram run test unit faults fuzz hostile mutation mutations defences bench bench-flood bench-hostile bench-ledger bench-migration bench-scale bench-startup bench-thief bench-timing bench-webhooks check format lock wheel clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUNTIME) ## serve on an embedded PostgreSQL
	@exec $(BIN)/referral serve

test: $(DEV) ## run every test, on a PostgreSQL container where a Docker engine answers
	@$(BIN)/python -m pytest --numprocesses auto --dist loadscope --no-loadscope-reorder --cov
	@$(BIN)/coverage report --include='src/referral/domain/*,src/referral/application/*' --fail-under=100

unit: $(DEV) ## run the tests of the rules and the use cases alone
	@$(BIN)/python -m pytest tests/unit

faults: $(DEV) ## kill, freeze and fail over: most rows of docs/faults.md 20 times, then 100,000 writes (half an hour)
	@$(LONG_FORM) --numprocesses 2 --dist loadscope --ignore tests/faults/test_endurance.py tests/faults
	@$(LONG_FORM) tests/faults/test_endurance.py

LONG_FORM := REFERRAL_TEST_FAULTS=long $(BIN)/python -m pytest --durations 10

fuzz: $(DEV) ## send 20,000 requests that are made up from the API's description
	@REFERRAL_TEST_FUZZ_EXAMPLES=20000 $(BIN)/python -m pytest tests/fuzz -s

hostile: $(DEV) ## send every hostile input to every place that it fits, twice (350,000 requests)
	@REFERRAL_TEST_HOSTILE=all $(BIN)/python -m pytest --numprocesses 2 --dist loadscope tests/hostile

mutation: $(MUTATION) ## change the rules and the use cases in 6,500 ways; the unit tests have to notice 95 % (an hour)
	@rm -rf mutants
	@$(BIN)/mutmut run
	@$(BIN)/mutmut results --all true | awk \
		'{ all++ } /: (killed|timeout)$$/ { noticed++; next } { print } \
		END { printf "%d of %d noticed\n", noticed, all; exit !all || noticed < 0.95 * all }'

mutations: $(DEV) ## take away what docs/faults-mutations.md lists, one after the other; the tests have to fail (15 minutes)
	@$(BIN)/python tests/faults/mutations.py $(ARGS)

defences: $(DEV) ## take away the defence of each attack in docs/security-rows.md; its tests have to fail (an hour)
	@$(BIN)/python tests/hostile/defences.py $(ARGS)

bench: $(DEV) ## measure every call beside a hand-written ceiling
	@$(BENCH) bench.compare $(ARGS)

bench-flood: $(DEV) ## measure what a flood of log-ins does to the rest
	@$(BENCH) bench.flood $(ARGS)

bench-hostile: $(DEV) ## measure what hostile clients do to one that means well (40 minutes)
	@$(BENCH) bench.hostile $(ARGS)

bench-ledger: $(DEV) ## measure how fast a million events are proved, and tried on other terms, and in how much memory
	@$(BENCH) bench.ledger $(ARGS)

bench-migration: $(DEV) ## measure who waits while a database of ten million referrals is migrated (needs 10 GB, 6 minutes)
	@$(BENCH) bench.migration $(ARGS)

bench-scale: $(DEV) ## measure calls at a thousand to ten million referrals, and as many rewards (needs 30 GB)
	@$(BENCH) bench.scale $(ARGS)

bench-startup: $(DEV) ## measure how long a start takes, and what the processes hold
	@$(BENCH) bench.startup $(ARGS)

bench-thief: $(DEV) ## have thieves outrun the revocation of the refresh tokens they stole
	@$(BENCH) bench.thief $(ARGS)

bench-timing: $(DEV) ## measure whether a refused log-in tells by its time what was wrong (5 minutes)
	@$(BENCH) bench.guess_timing $(ARGS)

bench-webhooks: $(DEV) ## measure how fast messages to webhooks go out, and what they cost writers (needs 15 GB, 10 minutes)
	@$(BENCH) bench.webhooks $(ARGS)

BENCH := PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(BIN)/python -m

check: $(DEV) ## check format, style, types and architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: $(AUDIT) ## look for secrets, list what the package is made of, and ask for advisories (needs the network)
	@PATH="$(CURDIR)/$(BIN):$$PATH" audit/secrets
	@mkdir -p build && cat requirements/runtime.txt requirements/docs-assets.txt | $(BIN)/python -W ignore -m cyclonedx_py requirements \
		--pyproject pyproject.toml --mc-type application --output-reproducible --of JSON -o build/sbom.cdx.json -
	@echo "What the package is made of: build/sbom.cdx.json"
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off $(LOCKED:%=--requirement %) || \
		{ echo "There are advisories, or they could not be had: see above. Without them nothing is known."; exit 1; }

LOCKED := $(wildcard requirements/*.txt)

diagram: $(DEV) ## draw who imports whom into docs/architecture.md
	@$(BIN)/python docs/diagram.py

format: $(DEV) ## write the code as the formatter likes it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## pin every dependency again, by version and hash (needs uv)
	$(LOCK) pyproject.toml --group build --output-file requirements/runtime.txt
	$(LOCK) pyproject.toml --group build --group dev --constraint requirements/runtime.txt \
		--output-file requirements/dev.txt
	$(LOCK) --group mutation --constraint requirements/dev.txt \
		--output-file requirements/mutation.txt
	$(LOCK) --group audit --constraint requirements/dev.txt --output-file requirements/audit.txt
	$(LOCK) requirements/docs-assets.in --no-deps --output-file requirements/docs-assets.txt

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-header --no-emit-index-url --no-emit-find-links

wheel: $(RUNTIME) ## build the package into dist/
	$(BIN)/python -m hatchling build --target wheel

clean: ## remove what was installed and built, but no data
	rm -rf $(VENV) $(ASSETS) build dist mutants

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; say which with: make PYTHON=python3.13 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "Python's venv module is needed (on Debian: apt install python3-venv)"; exit 1; }

$(RUNTIME): requirements/runtime.txt requirements/docs-assets.txt pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) ..."
	@$(PIP) --no-deps --require-hashes -r requirements/runtime.txt
	@rm -rf $(ASSETS) && $(PIP) --no-deps --no-compile --require-hashes --target $(ASSETS) \
		-r requirements/docs-assets.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	@echo "Installing what the tests need ..."
	@$(PIP) --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

$(MUTATION): requirements/mutation.txt $(DEV)
	@echo "Installing what changes the code ..."
	@$(PIP) --no-deps --require-hashes -r requirements/mutation.txt
	@touch $@

$(AUDIT): requirements/audit.txt $(DEV)
	@echo "Installing what looks for weaknesses ..."
	@$(PIP) --no-deps --require-hashes -r requirements/audit.txt
	@touch $@
