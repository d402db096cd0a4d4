# Everything a person or CI calls. The first target that needs .venv makes it.
.PHONY: help run test test-fast check defects report bench accuracy checkers docs \
	lock clean choose
.DEFAULT_GOAL := help

VENV := .venv
JOBS ?= 2
READY := $(VENV)/.complete
LOCKS := requirements/tfx-1.16.txt requirements/tfx-1.21.txt requirements/uv.txt

help: ## list these targets
	@echo "Usage: make TARGET [ARGS='...'] [PYTHON=python3.x] [TFX_LINE=1.16|1.21]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s%s\n", $$1, $$2 }' Makefile

run: $(READY) ## run the pipeline on MNIST; ARGS go to `mnist-pipeline run`
	@$(VENV)/bin/mnist-pipeline run $(ARGS)

test: $(READY) ## run the tests but for planted defects; ARGS go to pytest, JOBS at a time
	@$(VENV)/bin/python -m pytest --numprocesses=$(JOBS) --dist=loadfile $(ARGS)

test-fast: $(READY) ## run the tests that train nothing and start no pipeline
	@$(VENV)/bin/python -m pytest --numprocesses=$(JOBS) --dist=loadfile \
		-m "not slow and not e2e" $(ARGS)

check: $(READY) ## check style, types, scripts, workflows and links; changes nothing
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/shellcheck -x requirements/*.sh tests/platforms/*.sh deployment/*.sh .ci/run
	@$(VENV)/bin/jactionlint --shellcheck=$(VENV)/bin/shellcheck
	@$(VENV)/bin/python -m pytest --quiet tests/test_links.py

defects: $(READY) ## plant defects in data, models and exports: who refuses them?
	@$(VENV)/bin/python -m benchmarks.defects --jobs=$(JOBS) $(ARGS)

report: $(READY) ## show the report of the latest run
	@$(VENV)/bin/mnist-pipeline report $(ARGS)

bench: $(READY) ## measure this pipeline beside its peers
	@$(VENV)/bin/python -m benchmarks.run $(ARGS)

accuracy: $(READY) ## measure the accuracy of the presets; ARGS='--preset NAME'
	@$(VENV)/bin/python -m benchmarks.accuracy $(ARGS)

checkers: $(READY) ## measure DataGate beside other checkers on planted defects
	@$(VENV)/bin/python -m benchmarks.checkers.run $(ARGS)

docs: $(READY) ## write measured figures into README.md, docs/ and benchmarks/*.md
	@$(VENV)/bin/python -m benchmarks.docs $(ARGS)

lock: ## compile the lock files from setup.py; ARGS=--upgrade takes newer versions
	@sh requirements/lock.sh $(ARGS)

clean: ## remove .venv and caches; the workspace holds pushed models and stays
	@sh requirements/install.sh --remove
	rm -rf .coverage .mypy_cache .pytest_cache .ruff_cache mnist_tfx_pipeline.egg-info
	@find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): $(LOCKS) setup.py requirements/install.sh
	@sh requirements/install.sh

# Was .venv made in this folder, not moved or copied here, and is its Python there?
HERE := $(shell case "$$(cat $(READY) 2>/dev/null)" in (*", $$(pwd -P)") \
	test -x $(VENV)/bin/python && echo yes ;; esac)

# A named Python or line may be another one than .venv has; install.sh compares.
ifneq ($(PYTHON)$(TFX_LINE)$(HERE),yes)
$(READY): choose
choose:
endif
