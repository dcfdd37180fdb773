# Each target sets up .venv by itself; nothing is done twice when nothing has changed.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: java install demo test tests test-contract test-wheel test-airflow test-bi test-spark bi lint browser soak bench

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

# Beside each other: mypy alone takes a minute of one core.
test: install browser
	$(MAKE) --jobs 2 lint tests

tests: install
	$(BIN)/pytest -rs --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Chromium, which the tests of the report open it in: installed where that can be done.
browser:
	@command -v chromium chromium-browser google-chrome > /dev/null \
	|| { test "$$(id -u)" = 0 && command -v apt-get > /dev/null \
		&& echo "Installing chromium with apt-get" \
		&& apt-get -qq update \
		&& DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends chromium > /dev/null; } \
	|| echo "There is no Chromium, and none could be installed (that takes apt-get and root):" \
		"the tests that open the report in it will be skipped"

# Airflow in an environment of its own. Its lock is complete, so nothing is left to resolve.
.venv-airflow/installed: pipelines/airflow/requirements.lock pyproject.toml
	test -x .venv-airflow/bin/python || $(PYTHON) -m venv .venv-airflow
	.venv-airflow/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r pipelines/airflow/requirements.lock
	.venv-airflow/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	.venv-airflow/bin/python -m pip --disable-pip-version-check check
	touch $@

test-airflow: .venv-airflow/installed
	.venv-airflow/bin/python -m pytest tests/dag

# Superset in an environment of its own; the tests are in .venv and talk to it.
SUPERSET := bi/superset/requirements.lock
.venv-superset/installed: $(SUPERSET)
	test -x .venv-superset/bin/python || $(PYTHON) -m venv .venv-superset
	.venv-superset/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(SUPERSET)
	.venv-superset/bin/python -m pip --disable-pip-version-check check
	touch $@

test-bi: install browser .venv-superset/installed
	$(BIN)/python -m pytest --confcutdir=tests -o pythonpath="tests tests/bi" tests/bi

# Superset's files of the dashboards anew, after a mart or a layout has changed: MARTS=whop-marts.duckdb, of a build.
bi: install
	$(BIN)/python -m whop_elt.bi.generate $(or $(MARTS),whop-marts.duckdb)

# Spark in an environment of its own, and Java, which is installed where that can be done.
SPARK := pipelines/spark/requirements.lock
.venv-spark/installed: $(SPARK) pyproject.toml
	test -x .venv-spark/bin/python || $(PYTHON) -m venv .venv-spark
	.venv-spark/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(SPARK)
	.venv-spark/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	.venv-spark/bin/python -m pip --disable-pip-version-check check
	touch $@

java:
	@command -v java > /dev/null || test -n "$$JAVA_HOME" \
	|| { test "$$(id -u)" = 0 && command -v apt-get > /dev/null \
		&& echo "Installing Java 17 with apt-get" \
		&& apt-get -qq update \
		&& DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends openjdk-17-jre-headless > /dev/null; } \
	|| { echo "There is no Java, and none could be installed (that takes apt-get and root): install Java 17 or 21"; exit 1; }

# A synced business with every data test in a folder; ten businesses of the oracle and its cases on a server. ALL=1: all
# businesses, in a folder as well and with every set of settings there, the unit tests, and a bucket's on a server.
# Java's fast compiler alone: each statement of a test is run once.
test-spark: java .venv-spark/installed
	JAVA_TOOL_OPTIONS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m" \
	WHOP_ELT_SPARK_ALL=$(ALL) WHOP_ELT_TEST_SEEDS=$(if $(ALL),0:56,14:24) \
	.venv-spark/bin/python -m pytest --confcutdir=tests/spark -o pythonpath="tests tests/integration" tests/spark

# Whop's newest client in an environment of its own: it cannot be installed beside the one of Legacy,
# which the other tests use. The simulator it reads needs orjson and nothing else.
CONTRACT := tests/contract/current
.venv-current/installed: $(CONTRACT)/requirements.lock
	test -x .venv-current/bin/python || $(PYTHON) -m venv .venv-current
	.venv-current/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(CONTRACT)/requirements.lock
	.venv-current/bin/python -m pip --disable-pip-version-check check
	touch $@

test-contract: .venv-current/installed
	PYTHONPATH=src .venv-current/bin/python -m pytest --confcutdir=$(CONTRACT) $(CONTRACT)

# The wheel alone, with each Python it is for that this machine has.
test-wheel: install
	$(BIN)/pytest -rs tests/wheel

# What is too long for every change: the stories of tests/property with new seeds, for ten minutes (MINUTES=30 SEED=1000
# for other ones), every benchmark on a tiny business, the dashboards, all of Spark.
soak: install
	$(BIN)/python -m tests.property.soak $(or $(MINUTES),10) $(or $(SEED),1000)
	$(BIN)/python -m benchmarks.smoke
	$(MAKE) test-bi
	$(MAKE) test-spark ALL=1

bench: install
	$(BIN)/python -m benchmarks
