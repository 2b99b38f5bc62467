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

unit: $(VENV)/.dev kafka redis chromium node ## the tests, with branch coverage of the pure rooms
	$(BIN)/pytest --numprocesses 3 --dist worksteal --cov --cov-report=
	for room in 'worker/experiments/*' 'worker/formats/*' 'worker/handlers/*' worker/pipeline.py; do \
		$(BIN)/coverage report --fail-under=95 --include="$$room" || exit 1; \
	done

dev: $(VENV)/.worker kafka redis ## Kafka, Redis and the worker on simulated traffic; ARGS="--rate 500 --workers 2"
	$(BIN)/python -m deploy.dev $(ARGS)

kafka: .kafka/.installed ## the Kafka that tests and `make dev` run, by Maven

.kafka/.installed: deploy/dev/pom.xml
	@for tool in java mvn; do command -v $$tool > /dev/null || \
		{ echo "$$tool is not on the PATH, expected Java 17 or newer and Maven (Debian: apt-get install default-jre-headless maven)" >&2; exit 1; }; done
	rm -rf .kafka/new
	mvn -q -B -f deploy/dev/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/.kafka/new
	rm -rf .kafka/jars && mv .kafka/new .kafka/jars
	touch $@

redis: ## the Redis that tests and `make dev` run, by apt-get if it is missing
	@command -v redis-server > /dev/null || { \
		command -v apt-get > /dev/null || { echo "redis-server is not on the PATH, expected it installed" >&2; exit 1; }; \
		if [ "$$(id -u)" = 0 ]; then run=; else run=sudo; fi; \
		$$run apt-get update -qq && $$run apt-get install -y -qq redis-server; }

chromium: ## the browser that opens reports in tests, by apt-get if it is missing
	@command -v chromium > /dev/null || { \
		command -v apt-get > /dev/null || { echo "chromium is not on the PATH, expected it installed" >&2; exit 1; }; \
		if [ "$$(id -u)" = 0 ]; then run=; else run=sudo; fi; \
		$$run apt-get update -qq && $$run apt-get install -y -qq chromium; }

node: tests/node/node_modules/.installed ## the AsyncAPI parser that tests use, by npm

tests/node/node_modules/.installed: tests/node/package-lock.json
	@for tool in node npm; do command -v $$tool > /dev/null || \
		{ echo "$$tool is not on the PATH, expected Node.js 20 or newer with npm (Debian: apt-get install nodejs npm)" >&2; exit 1; }; done
	cd tests/node && npm ci --ignore-scripts --no-audit --no-fund --silent
	touch $@

bench: $(VENV)/.bench kafka redis ## measure speed and memory; prints a table of ratios
	$(BIN)/python -m bench

soak: $(VENV)/.dev kafka redis ## the fault tests' long form; ARGS="--events 100000 --seed 7 --only kills"
	$(BIN)/python -m tests.faults.soak $(ARGS)

format: $(VENV)/.dev ## let ruff fix and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(BIN)/python ## make the lock files anew from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group build -o requirements/worker.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group dev -o requirements/dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group bench -c requirements/dev.lock -o requirements/bench.lock

.PHONY: help demo test lint unit dev kafka redis bench soak format lock
.DEFAULT_GOAL := help
