# Everything starts from a bare clone: python3 (3.11 or later, with venv), git and make are enough.
#   make demo       the tour: ten thousand made-up customers, today's pass, one decision explained, the web pages
#   make test       style, types and every test that needs Python only
#   make test-all   every test: PostgreSQL, Spark, the built wheel and whatever else a marker asks for
#   make bench      matching beside other engines and floors: a table and build/bench.json (ARGS="--scale 0.1 events")
#   make bench-rooms  how long the other rooms take, each in its own words
#   make fuzz       searches for texts that break the language, a minute each for rules, catalogs and messages
#   make torture    passes, schedulers and answering processes killed, stopped and starved; a year of outages; the
#                   calendar of every zone; millions of comparisons of one rule's forms; a million customers in fifty
#                   experiments
#   make clean      removes the virtual environment and what was built
# A virtual environment is made once, in .venv; a stamp a list of extras says what it holds.

PYTHON ?= python3
ARGS ?=
SECONDS ?= 60
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install
METADATA := setup.cfg pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help demo test test-all bench bench-rooms fuzz torture postgresql java clean

help:
	@sed -n '2,11s/^# *//p' Makefile

demo: .venv/with-run
	@$(BIN)/carpe demo $(ARGS)

test: .venv/with-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto --dist worksteal -m "not postgres and not spark and not browser and not wheel and not torture"

test-all: .venv/with-all postgresql java
	$(BIN)/pytest -n auto --dist worksteal

bench: .venv-bench/made
	@.venv-bench/bin/python -m tests.bench $(ARGS)

IN_THE_TABLE := $(patsubst %,tests/bench/bench_%.py,events batches indexes quotes starting budgets passes spark decisions)
bench-rooms: .venv/with-dev
	@for script in $(filter-out $(IN_THE_TABLE),$(wildcard tests/bench/bench_*.py)); do \
		echo "$$script"; $(BIN)/python "$$script" || exit 1; echo; done

# What breaks a promise is saved under tests/fuzz/corpus, where a normal test finds it again.
fuzz: .venv/with-dev
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(PIP) atheris || \
		{ echo "The fuzzer atheris does not install for $$($(BIN)/python --version). Try another: make clean fuzz PYTHON=python3.12"; exit 1; }
	@for kind in rules catalog message; do echo "$$kind"; $(BIN)/python tests/fuzz/fuzz_language.py $$kind $(SECONDS) || exit 1; done

torture: .venv/with-all postgresql
	$(BIN)/python -m tests.torture.kills 100
	$(BIN)/python -m tests.torture.answers 50
	$(BIN)/python -m tests.torture.schedulers 120
	$(BIN)/python -m tests.torture.year 365
	$(BIN)/python -m tests.torture.calendar 2000
	$(BIN)/python -m tests.torture.agreement
	$(BIN)/python -m tests.torture.experiments
	$(BIN)/python -m tests.torture.contacts

clean:
	rm -rf .venv .venv-bench carpe-demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# --- the virtual environment -----------------------------------------------------------------------------------------

.venv/made:
	@command -v $(PYTHON) >/dev/null || { echo "Carpe needs Python 3.11 or later: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Carpe needs Python 3.11 or later; $$($(PYTHON) --version) is too old. Say which with make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "This Python cannot make virtual environments: apt-get install python3-venv"; exit 1; }
	@echo "Making the virtual environment .venv"
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/with-run: .venv/made $(METADATA)
	@echo "Installing Carpe and what it needs into .venv"
	@$(PIP) --editable .
	@touch $@

.venv/with-dev: .venv/made $(METADATA)
	@echo "Installing Carpe and what its tests need into .venv"
	@$(PIP) --editable '.[dev]'
	@touch $@ .venv/with-run

.venv/with-all: .venv/made $(METADATA)
	@echo "Installing Carpe with every extra into .venv"
	@$(PIP) --editable '.[postgres,lsp,analysis,spark,fast,dev]'
	@touch $@ .venv/with-dev .venv/with-run

# What Carpe is measured beside; what does not install here is left out of the table.
.venv-bench/made: .venv/made $(METADATA) tests/bench/peers.txt
	@echo "Installing Carpe and the engines that it is measured beside into .venv-bench"
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip --quiet --disable-pip-version-check install --editable '.[postgres,spark,fast,dev]'
	@grep -v '^#' tests/bench/peers.txt | while read -r peer; do \
		.venv-bench/bin/python -m pip --quiet --disable-pip-version-check install "$$peer" || echo "$$peer is left out"; done
	@touch $@

# The tests start a PostgreSQL server of their own, as an unprivileged user, from Debian's binaries.
postgresql:
	@if command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing PostgreSQL's binaries"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null; \
	else echo "PostgreSQL's initdb is not here: sudo apt-get install postgresql"; exit 1; fi

# Spark runs on Java.
java:
	@if command -v java >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Java"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless >/dev/null; \
	else echo "Java is not here: sudo apt-get install openjdk-17-jre-headless"; exit 1; fi
