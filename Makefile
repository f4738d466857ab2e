# Two commands: `make run` shows the walkout week, `make test` runs every test.
.PHONY: help setup run test lint check lock clean
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?= -q -n 2 --dist worksteal --durations=10
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

help:  ## Say what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/ -/'

setup: $(VENV)/.run  ## Create .venv and install what `make run` needs

run: setup  ## The daemon and its dashboard on http://127.0.0.1:8000, with the sample topic
	@exec $(BIN)/monitor run

test: $(VENV)/.dev  ## Every test (set PYTEST_ARGS to choose)
	@# Passive: two processes that train at once must not spin for each other's cores.
	@OMP_WAIT_POLICY=passive $(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.dev  ## Lint, format, types, known holes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit -q -ll -r monitor collectors classifiers
	$(BIN)/python .ci/audit.py

check: lint  ## The same, and every test with branch coverage
	$(BIN)/python -m pytest --cov --cov-report=term $(PYTEST_ARGS)

lock: $(VENV)/.dev  ## Write the versions now installed into requirements.lock
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > requirements.lock

clean:  ## Remove .venv (never the data in var/)
	rm -rf $(VENV)

$(VENV)/.run: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else \
	    f"Python 3.11 is needed, {sys.version.split()[0]} was found: make PYTHON=/path/to/python3.11")'
	@echo "Installing into $(VENV) (once; a few minutes, torch is the largest part) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install -c requirements.lock -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "Installing the test tools ..."
	@$(PIP) install -c requirements.lock -e '.[dev]'
	@# Alone: with its own wishes it would put other event loops under the server that is tested.
	@$(PIP) install -c requirements.lock --no-deps mastodon-mock orjson python-multipart
	@if command -v npm >/dev/null; then npm ci --prefix tests/browser --silent --ignore-scripts; \
	    else echo "npm is missing: the tests for barriers (axe-core) will be skipped"; fi
	@touch $@
