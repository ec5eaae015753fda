# Vultus: `make demo` shows it, `make test` proves it, `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check fix lock pictures clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/'

demo: $(VENV)/run.stamp ## a home with people who do not exist, one search, the page (ARGS=--once ends after the search)
	@$(BIN)/vultus --home .demo/home demo $(ARGS)

test: $(VENV)/test.stamp check ## every check and every test (ARGS are given to pytest)
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

check: $(VENV)/test.stamp ## style, types, direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/test.stamp ## mend style where a program can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## write the hashed requirements anew from the .in files (needs uv)
	for name in build run cluster test; do uv pip compile --quiet --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  requirements/$$name.in -o requirements/$$name.txt || exit; done

pictures: $(VENV)/test.stamp ## take the pictures of docs/pictures from the demo (needs Chromium)
	$(BIN)/python docs/pictures/take.py

clean: ## remove the environment and the demo's home
	rm -rf $(VENV) .demo build *.egg-info

$(VENV)/run.stamp: requirements/build.txt requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Vultus needs Python 3.11 or later: name one with make PYTHON=python3.11"; exit 1; }
	@echo "Building $(VENV) from the hash-locked requirements (a minute or two)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "On Debian: apt-get install python3-venv"; exit 1; }
	@$(PIP) -r requirements/build.txt -r requirements/run.txt
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp requirements/test.txt
	@echo "Adding what the tests need"
	@$(PIP) -r requirements/test.txt
	@touch $@
