# Every target sets up what it needs in .venv. `make` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

# The stamps say which lock files the environment was made from.
$(VENV)/.worker: requirements/worker.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/worker.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.worker
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.lock
	touch $@

$(VENV)/.bench: requirements/bench.lock $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/bench.lock
	touch $@

demo: $(VENV)/.worker ## run the main job on a realistic log: no Kafka, no Redis
	@mkdir -p demo
	$(BIN)/experiment-worker simulate --events 20000 --people 2000 --seed 7 --malformed 0.002 --out demo/log.ndjson.gz
	$(BIN)/experiment-worker replay demo/log.ndjson.gz --config examples/worker.toml --out demo/out

test: lint unit ## everything that CI checks

lint: $(VENV)/.dev ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/.dev ## the tests, with branch coverage of the pure rooms
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	for room in 'worker/experiments/*' 'worker/formats/*' 'worker/handlers/*' worker/pipeline.py; do \
		$(BIN)/coverage report --fail-under=95 --include="$$room" || exit 1; \
	done

bench: $(VENV)/.bench ## measure speed and memory; prints a table of ratios
	$(BIN)/python -m bench

format: $(VENV)/.dev ## let ruff fix and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(BIN)/python ## make the lock files anew from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group build -o requirements/worker.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group dev -o requirements/dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group bench -c requirements/dev.lock -o requirements/bench.lock

.PHONY: help demo test lint unit bench format lock
.DEFAULT_GOAL := help
