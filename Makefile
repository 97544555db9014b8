# Everything a developer types. `make` alone lists it. Needs Python 3.11 or later and make; the rest is installed into .venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first Python that is recent enough; override with `make PYTHON=/path/to/python`.
PYTHON ?= $(shell for each in python3.11 python3.12 python3.13 python3.14 python3; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$each" && break; done)

VENV := .venv
BIN := $(VENV)/bin
# One stamp for each set of packages, touched when it is installed; the development set holds all of the other.
RUN_STAMP := $(VENV)/run.stamp
DEV_STAMP := $(VENV)/dev.stamp
# The lock is complete, so nothing needs resolving.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --quiet --no-deps

PYTEST_ARGS ?=
BENCH_ARGS ?=

.PHONY: help demo run test lint lock bench bench-short bench-growth bench-reports bench-steps bench-simulate bench-scorecard bench-limiter bench-mail bench-costs kills faults fuzz audit clean

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

demo: $(RUN_STAMP)  ## Play a crowd against the whole engine and print the funnel
	$(BIN)/nurture demo

run: $(RUN_STAMP)  ## Start the engine and keep serving, with a demo page at /demo/
	$(BIN)/nurture up

test: $(DEV_STAMP)  ## Run the whole suite, servers included (the browser tests need Chromium on the PATH)
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not engine" $(PYTEST_ARGS)
	$(BIN)/python -m pytest -m engine $(PYTEST_ARGS)  # whole engines, one at a time: they measure time and kill processes

lint: $(DEV_STAMP)  ## Check style, types and import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: $(DEV_STAMP)  ## Ask whether a hole is known in what the lock files name (.ci/advisories.toml holds those we live with)
	$(BIN)/python .ci/audit.py

bench: $(DEV_STAMP)  ## Measure everything, three turns each, against the naive twin and the machine's limits
	$(BIN)/python -m benchmarks $(BENCH_ARGS)
	$(BIN)/python -m benchmarks.plots

bench-short: $(DEV_STAMP)  ## Measure by short turns, and fail if a ratio is worse by a third than in benchmarks/ratios.json
	$(BIN)/python -m benchmarks --short --hold benchmarks/ratios.json $(BENCH_ARGS)

bench-growth: $(DEV_STAMP)  ## Absorb a million events of 50,000 people, verify them, and say whether an event costs more at the end
	$(BIN)/python -m benchmarks.growth $(BENCH_ARGS)

bench-reports: $(DEV_STAMP)  ## Build every report on ten thousand and on a million events, and say whether it takes longer
	$(BIN)/python -m benchmarks.reporting $(BENCH_ARGS)

bench-steps: $(DEV_STAMP)  ## Ask whether a step costs more when a million people wait, and let two workers plan a million steps
	$(BIN)/python -m benchmarks.steps $(BENCH_ARGS)

bench-simulate: $(DEV_STAMP)  ## Simulate three months of 10,000 people on three sequences
	$(BIN)/python -m benchmarks.simulate $(BENCH_ARGS)

bench-mail: $(DEV_STAMP)  ## Send mails of 23 KB from queued row to recorded acceptance, against the naive twin
	$(BIN)/python -m benchmarks.mail $(BENCH_ARGS)

bench-scorecard: $(DEV_STAMP)  ## Compare the learned scorecard with regression and boosting on public data
	$(BIN)/python -m benchmarks.scorecard

kills: $(DEV_STAMP)  ## Kill workers, the database and Redis while mail flows; write docs/kills.md
	$(BIN)/python -m benchmarks.kills $(BENCH_ARGS)

faults: $(DEV_STAMP)  ## Do 500 random faults to the whole engine and settle the account; write docs/faults.md
	$(BIN)/python -m benchmarks.faults $(BENCH_ARGS)

fuzz: $(DEV_STAMP)  ## Send 100,000 inputs of bad will to a web process, and say what came of them; write docs/fuzz.md
	$(BIN)/python -m benchmarks.fuzz --write docs/fuzz.md $(BENCH_ARGS)

bench-limiter: $(DEV_STAMP)  ## Let four processes share a rate, and say how full the fullest second was and how much was used
	$(BIN)/python -m benchmarks.limiter $(BENCH_ARGS)

bench-costs: $(DEV_STAMP)  ## Measure what an event, a person and a step cost, and write docs/capacity.md by it
	$(BIN)/python -m benchmarks.costs
	WRITE_DOCS=1 $(BIN)/python -m pytest -q tests/benchmarks/test_capacity.py

lock:  ## Choose the newest allowed versions and write both lock files
	@set -e; tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	"$(PYTHON)" -m venv "$$tools"; "$$tools/bin/python" -m pip --disable-pip-version-check install --quiet uv; \
	compile="$$tools/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header"; \
	$$compile --extra dev --extra learn --extra dkim --extra mjml --extra otel pyproject.toml -o requirements-dev.lock; \
	printf 'hatchling\neditables\n' | $$compile -c requirements-dev.lock pyproject.toml - -o requirements.lock

clean:  ## Remove the environment and what the tools left; data/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or later on the PATH; install it, or call make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); echo "Python lacks venv; on Debian: apt-get install python3-venv" >&2; exit 1; }

# A development environment serves `make run` too.
$(RUN_STAMP): requirements.lock pyproject.toml | $(BIN)/python
	@if ! { [ $(DEV_STAMP) -nt pyproject.toml ] && [ $(DEV_STAMP) -nt requirements.lock ]; }; then \
		echo "installing into $(VENV) …"; \
		$(PIP) --require-hashes -r requirements.lock && $(PIP) --no-build-isolation -e .; \
	fi
	@touch $@

$(DEV_STAMP): requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV), with the tools of development …"
	@$(PIP) --require-hashes -r requirements-dev.lock && $(PIP) --no-build-isolation -e .
	@touch $@
