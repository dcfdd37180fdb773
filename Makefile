# Each target sets up .venv by itself; nothing is done twice when nothing has changed.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: install demo test lint soak bench

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: install
	$(BIN)/whop-elt demo

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/dbt --quiet parse --project-dir dbt --profiles-dir dbt --target-path ../.whop-elt/parse --log-path ../.whop-elt/parse

test: lint
	$(BIN)/pytest

# The stories of tests/property with new seeds, for ten minutes; MINUTES=30 SEED=1000 for other ones.
soak: install
	$(BIN)/python -m tests.property.soak $(or $(MINUTES),10) $(or $(SEED),1000)

bench: install
	$(BIN)/python -m benchmarks
