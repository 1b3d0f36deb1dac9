# Targets for a machine with Python 3.11 or newer and make; everything is installed into .venv.
SHELL := /bin/sh
PYTHON ?= python3
ENV := .venv
BIN := $(ENV)/bin
SPEC ?= @homodimer

# uv makes the environment from uv.lock with the Python that made .venv, and fetches no other Python.
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(ENV)
# An activated environment of another project must not be taken for ours.
unexport VIRTUAL_ENV
# Compiled once here, or every command would start slower where Python may not write bytecode.
SYNC := $(BIN)/uv sync --frozen --quiet --compile-bytecode
COMPILE := $(BIN)/python -m compileall -q src

.DEFAULT_GOAL := help
.PHONY: help install run test test-slow lint structure docs docs-results picture bench clean

help:
	@echo "make run        install, run the main job on the shipped homodimer, print where the report is"
	@echo "make test       install what the tests need, run them (all but the slow ones)"
	@echo "make test-slow  the tests marked slow"
	@echo "make lint       ruff, mypy, import-linter, circles of modules"
	@echo "make structure  modules, circles of imports, untyped dictionaries, room by room"
	@echo "make docs       the site, in docs/_build/html; most notebooks are executed, expensive ones show stored results"
	@echo "make docs-results  execute the expensive notebooks and store their results"
	@echo "make picture    the picture of the first page, from the shipped homodimer"
	@echo "make bench      the speed table"
	@echo "make install    the developer's environment only"

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "qdmol needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Making $(ENV)"
	@$(PYTHON) -m venv $(ENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

# What running needs. Inexact: what a developer's environment holds beyond that stays.
$(ENV)/.ready-run: $(BIN)/uv pyproject.toml uv.lock
	@echo "Installing into $(ENV), once: about 650 MB"
	@$(SYNC) --inexact
	@$(COMPILE)
	@touch $@

# What developing needs; it holds all that running needs.
$(ENV)/.ready-dev: $(BIN)/uv pyproject.toml uv.lock
	@echo "Installing the developer's environment into $(ENV), once: about 900 MB"
	@$(SYNC) --all-extras
	@$(COMPILE)
	@touch $@ $(ENV)/.ready-run

install: $(ENV)/.ready-dev

run: $(ENV)/.ready-run
	$(BIN)/qdmol run $(SPEC)

test: $(ENV)/.ready-dev
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile

test-slow: $(ENV)/.ready-dev
	$(BIN)/python -m pytest -m slow

lint: $(ENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src tools
	$(BIN)/lint-imports
	$(BIN)/python -m tools.structure --check

structure: $(ENV)/.ready-dev
	$(BIN)/python -m tools.structure

docs: $(ENV)/.ready-dev
	$(BIN)/sphinx-build -W --keep-going --fresh-env -b html docs docs/_build/html

docs-results: $(ENV)/.ready-dev
	$(BIN)/python docs/stored_results.py

picture: $(ENV)/.ready-run
	$(BIN)/python -c "import qdmol; from qdmol.plot import write_overview; \
	  print(write_overview(qdmol.solve('@homodimer'), 'docs/images/homodimer.png'))"

bench: $(ENV)/.ready-dev
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.curves
	$(BIN)/python -m benchmarks.interacting
	$(BIN)/python -m benchmarks.photons
	$(BIN)/python -m benchmarks.spectra

clean:
	rm -rf $(ENV) docs/_build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache dist build
