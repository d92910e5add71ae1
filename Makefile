# Everything a developer or a technician types. Each target makes the virtual environment when it is absent.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TEST_JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-servers properties mutants usefulness crash soak kills wear cluster herd fuzz lint check audit bench golden schema dist lock deb arm64 arm64-tests install uninstall system-test clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Fairhaul needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.demo

venv: $(VENV)/.dev  ## make the virtual environment .venv with everything for development

demo: $(VENV)/.demo  ## a simulated truck drives, loses its network and delivers; about a minute
	$(BIN)/fairhaul demo --out demo-out

test: $(VENV)/.dev  ## the tests that need neither root nor a server
	$(BIN)/python -m pytest -n $(TEST_JOBS)

test-servers: $(VENV)/.dev  ## the tests against real brokers, as root: apt install mosquitto strace nats-server nftables e2fsprogs iproute2 systemd
	$(BIN)/python -m pytest -n $(TEST_JOBS) --dist loadfile tests/system

properties: $(VENV)/.dev  ## the privacy property, 20,000 examples of each level, TEST_JOBS=2 at a time: hours
	@seed=$$(date +%s); echo "seed $$seed"; PROPERTY_EXAMPLES=$(or $(PROPERTY_EXAMPLES),20000) \
		$(BIN)/python -m pytest -n $(TEST_JOBS) --hypothesis-seed=$$seed tests/properties/test_privacy_property.py

mutants: $(VENV)/.dev  ## plant every known leak and show which level of the property catches it
	$(BIN)/python -m tests.mutants

usefulness: $(VENV)/.dev  ## what a city still learns: twenty simulated shifts under two agreements; some minutes
	$(BIN)/python -m tests.usefulness

kills: $(VENV)/.dev  ## kill -9, SIGTERM and SIGSTOP in every phase, 300 agents: apt install mosquitto; six minutes
	$(BIN)/python -m tests.kills

herd: $(VENV)/.dev  ## 300 trucks lose one broker and have it back at once: apt install mosquitto; seven minutes
	$(BIN)/python -m tests.herd

soak: $(VENV)/.dev  ## simulated weeks with faults drawn at random: SEEDS=200, or SEED=n to replay one
	$(BIN)/python -m tests.soak $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),200))

cluster: $(VENV)/.dev  ## a backlog drained into three nodes that are killed: apt install nats-server; four minutes
	$(BIN)/python -m tests.cluster

crash: $(VENV)/.dev  ## the power cut at every system call of a shift, and three planted bugs: apt install strace; five minutes
	$(BIN)/python -m tests.crash

wear: $(VENV)/.dev  ## what a day writes to the card, from the kernel's counters: root, apt install e2fsprogs strace; half an hour
	$(BIN)/python -m tests.wear

fuzz: $(VENV)/.dev  ## a coverage-guided fuzzer over every parser, SECONDS=60 each; findings become tests: ten minutes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60)

lint: $(VENV)/.dev  ## lint, format, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint  ## the same, and which lines the tests reach
	$(BIN)/python -m pytest -n $(TEST_JOBS) tests/unit tests/properties --cov --cov-report=term:skip-covered

audit: $(VENV)/.dev  ## published attacks on what would leave, under two agreements; writes docs/audit.md: an hour
	$(BIN)/python -m tests.audit

bench: $(VENV)/.dev  ## CPU, memory, wire and card wear beside two peers: apt install mosquitto; seven minutes
	$(BIN)/python -m tests.bench

golden: $(VENV)/.dev  ## rewrite the golden replays after a change that was meant
	$(BIN)/python -m pytest tests/replay --golden

schema: $(VENV)/.dev  ## rewrite what is made from the schema: the editors' JSON schema, the page of all keys
	$(BIN)/python -m config.editor > config/agent.schema.json
	$(BIN)/python -m config.reference > docs/configuration.md

dist: $(VENV)/.dev  ## a wheel in dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

lock: $(VENV)/.dev  ## pin what the Debian package brings, with hashes, and rewrite docs/licences.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
		--no-emit-package lgpio --no-emit-package pip --no-emit-package setuptools \
		--output-file systemd/debian/requirements.txt setup.cfg
	rm -rf build/deb
	systemd/debian/build.sh
	$(BIN)/python systemd/debian/licences.py build/deb/libraries-* > docs/licences.md

deb: $(BIN)/python  ## a Debian package in dist/: PYTHON_VERSION=3.13 for Debian 13, ARCH=arm64 for a Raspberry Pi
	systemd/debian/build.sh

arm64: $(BIN)/python  ## both packages for the Raspberry Pi, from wheels alone
	PYTHON_VERSION=3.11 ARCH=arm64 systemd/debian/build.sh
	PYTHON_VERSION=3.13 ARCH=arm64 systemd/debian/build.sh

arm64-tests: $(VENV)/.dev  ## as root, the core of the tests under emulation: apt install mmdebstrap; half an hour
	$(BIN)/python -m tests.install.emulated --page docs/arm64.md

install: $(BIN)/python  ## as root: build the package for this machine and install it
	package=$$(PYTHON_VERSION=$$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])') \
		systemd/debian/build.sh) && apt-get install --yes --reinstall --allow-downgrades ./$$package

uninstall:  ## as root: remove it; configuration, keys and outbox stay
	apt-get remove --yes fairhaul

system-test: $(VENV)/.dev  ## as root, the package on a booted Debian: apt install mmdebstrap systemd-container; ten minutes
	$(BIN)/python -m tests.install --page docs/system-test.md

clean:  ## remove what was made, the virtual environment included
	rm -rf $(VENV) build dist demo-out *.egg-info .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
