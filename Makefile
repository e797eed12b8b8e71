# Two commands for a fresh machine: `make demo` and `make test`. Each does all
# of its own set-up in .venv, which needs Python 3.11, 3.13 or 3.12, and nothing
# else. The first of these that is there is taken; PYTHON=... names another one,
# and VENV=... another folder than .venv, to have both stacks.

PYTHON ?= $(shell for python in python3.11 python3.13 python3.12; do \
  if $$python -c 'import ensurepip' 2>/dev/null; then \
    echo $$python; break; fi; done)
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
# By the variable, the pins hold in build environments too. Debian's pip would
# otherwise build seqeval and promise the old way, which fails without wheel.
INSTALL = PIP_CONSTRAINT=$$(cat $(VENV)/.constraints) $(PIP) install --quiet \
  --use-pep517
JOBS ?= 4
ARGS ?=

VERSION := -c 'import sys; print("%d.%d" % sys.version_info[:2])'
# realm_tf.environment checks the same for a Python that make did not choose.
define check_python
@if [ -z "$(PYTHON)" ]; then \
  echo "error: there is no Python 3.11, 3.12 or 3.13 that makes virtual" \
    "environments: install one (on Debian and Ubuntu, as root: apt-get" \
    "install python3 python3-venv), or name one: PYTHON=/path/to/python3.11" \
    >&2; exit 2; \
fi; \
found=$$($(PYTHON) $(VERSION) 2>/dev/null) || found="none"; \
case $$found in \
  none) echo "error: '$(PYTHON)' does not run: name a Python that does," \
    "PYTHON=/path/to/python3.11" >&2; exit 2;; \
  3.11|3.12|3.13) ;; \
  *) echo "error: '$(PYTHON)' is Python $$found, but realm_tf needs 3.11, 3.12" \
    "or 3.13: name one with PYTHON=/path/to/python3.11" >&2; exit 2;; \
esac; \
if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
  echo "error: '$(PYTHON)' cannot make virtual environments, as ensurepip" \
    "is missing: on Debian, as root: apt-get install python$$found-venv" >&2; \
  exit 2; \
fi
endef

# Two of the targets would install into .venv at the same time.
.NOTPARALLEL:

.PHONY: help demo serve test test-fast lint format constraints clean same-python
.DEFAULT_GOAL := help

help:
	@echo "make demo    installs, pre-trains REALM on the embedded corpus, reports"
	@echo "make serve   serves the demo's model and a page that asks it"
	@echo "make test    installs what tests need and runs them all"
	@echo "             (ARGS='-k index' chooses, JOBS=1 runs one at a time)"
	@echo "make test-fast  runs those that take no training and no processes"
	@echo "make lint    checks format, style and types"
	@echo "make format  puts format and imports right"
	@echo "make constraints  pins anew what .venv holds, in the file of its stack"
	@echo "make clean   removes .venv and caches; runs/ stays"

demo: $(VENV)/.installed
	$(VENV)/bin/python -m realm_tf.launch.demo $(ARGS)

serve: $(VENV)/.installed
	@test -d runs/demo/served || { echo "error: there is no runs/demo/served:" \
	  "run 'make demo' first" >&2; exit 2; }
	$(VENV)/bin/python -m realm_tf.launch.serve --model_name=realm \
	  --model_base_path=runs/demo/served $(ARGS)

# pytest exits with 5 where ARGS chooses no test. Files come in their order: sorted
# by how many tests they have, the few and long ones would be left to the end.
# A worker that dies is not replaced: its test would kill the next one, too.
test test-fast: $(VENV)/.installed-test
	$(VENV)/bin/python -m pytest tests -n $(JOBS) --dist loadfile \
	  --no-loadscope-reorder --max-worker-restart=0 --durations=10 \
	  $(if $(filter test-fast,$@),-m "not slow") $(if $(strip $(ARGS)),$(ARGS) || [ $$? -eq 5 ])

lint: $(VENV)/.installed-dev
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

format: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check --fix-only .
	$(VENV)/bin/ruff format .

constraints: $(VENV)/.installed-test $(VENV)/.installed-dev
	(sed '/^[^#]/d' $$(cat $(VENV)/.constraints); $(PIP) freeze --all \
	  --exclude-editable --exclude pip | LC_ALL=C sort -f) \
	  > $(VENV)/constraints.txt
	mv $(VENV)/constraints.txt $$(cat $(VENV)/.constraints)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache \
	  .ruff_cache .hypothesis
	find realm_tf tfds_builders tests -name __pycache__ -prune -exec rm -rf {} +

# A folder that an interrupted run left half-made is made anew. One that is
# there is not taken for that of another Python, if PYTHON names one.
$(VENV)/.created: | $(if $(filter-out file,$(origin PYTHON)),same-python)
	$(check_python)
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

same-python:
	@test ! -e $(VENV)/.created || \
	  test "$$($(PYTHON) $(VERSION) 2>/dev/null)" = "$$($(VENV)/bin/python $(VERSION))" || \
	  { echo "error: $(VENV) is of Python $$($(VENV)/bin/python $(VERSION)):" \
	    "remove it by 'make clean', leave PYTHON=$(PYTHON) out, or name" \
	    "another folder: VENV=.venv-tf2.20" >&2; exit 2; }

# The stack goes by Python's version, as the markers in pyproject.toml do.
$(VENV)/.constraints: $(VENV)/.created
	@case "$$($(VENV)/bin/python $(VERSION))" in \
	  3.11) echo constraints-tf2.15.txt;; *) echo constraints-tf2.20.txt;; \
	esac > $@

$(VENV)/.installed: $(VENV)/.constraints pyproject.toml \
    constraints-tf2.15.txt constraints-tf2.20.txt
	@echo "Installing into $(VENV), with the versions in" \
	  "$$(cat $(VENV)/.constraints): two to four minutes, 4 GB of disk."
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(INSTALL) --editable ".[test]"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(INSTALL) --editable ".[dev]"
	@touch $@
