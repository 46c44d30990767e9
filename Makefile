# One command to try Footnote, one to check it. `make help` lists them.
PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input
# The lock is complete, so nothing else may be resolved; byte code is made on first use, wheels are not kept twice.
INSTALL := $(PIP) install --no-deps --no-compile --no-cache-dir --require-hashes

# Byte code is kept even where the environment says otherwise, as in containers: else every command spends a second or
# two compiling again all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test serve bench fmt docs lock clean

help: ## list the commands
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: .venv/installed ## index the handbook in data/site, print one cited answer, then serve (PORT=8000, DEMO=once to stop)
	@$(BIN)/ingest data/site
	@$(BIN)/footnote ask "What does the verdict of a citation mean?"
	@if [ "$(DEMO)" != once ]; then exec $(BIN)/footnote serve --host $(HOST) --port $(PORT); fi

serve: .venv/installed ## serve what is indexed on http://127.0.0.1:8000 (PORT=, HOST=)
	@exec $(BIN)/footnote serve --host $(HOST) --port $(PORT)

test: .venv/installed-dev ## every check that CI runs: format, lint, import contracts, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

fmt: .venv/installed-dev ## format and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/installed-dev ## what the README claims, measured: set-up time, query latency, quality, ingestion, streams
	$(BIN)/python bench/setup.py
	$(BIN)/python bench/search.py --sizes 1000,10000
	$(BIN)/python bench/stream.py
	$(BIN)/python bench/citations.py
	$(BIN)/python bench/quality.py
	$(BIN)/python bench/ingestion.py
	$(BIN)/python bench/weather.py kills --rounds 5
	$(BIN)/python bench/weather.py faults

docs: .venv/installed-dev ## write docs/cli.md and docs/settings.md anew from the code
	$(BIN)/python -m tests.test_docs --write

lock: ## pin the dependencies anew, with hashes
	PYTHON=$(PYTHON) sh requirements.sh

clean: ## remove the environment and everything that running made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find data -mindepth 1 -maxdepth 1 ! -name site -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Footnote needs Python 3.11 or later; name one with: make PYTHON=python3.11 ..." >&2; exit 1; }
	@echo "Making .venv" >&2
	@$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python requirements.lock pyproject.toml
	@echo "Installing the locked dependencies (about 300 MB to download)" >&2
	@$(INSTALL) -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --no-compile -e .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	@$(INSTALL) -r requirements-dev.lock
	@touch $@
