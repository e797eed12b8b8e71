# Two commands for a fresh machine: `make demo` and `make test`. Each does all
# of its own set-up in .venv, which needs Python 3.11 and nothing else.

PYTHON ?= python3.11
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
# By the variable, the pins hold in build environments too. Debian's pip would
# otherwise build seqeval and promise the old way, which fails without wheel.
INSTALL := PIP_CONSTRAINT=constraints.txt $(PIP) install --quiet --use-pep517
JOBS ?= 2
ARGS ?=

# realm_tf.environment checks the same for a Python that make did not choose.
define check_python
@found=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' \
    2>/dev/null) || found="none"; \
if [ "$$found" = none ]; then \
  echo "error: '$(PYTHON)' does not run: install Python 3.11 (on Debian 12," \
    "as root: apt-get install python3.11 python3.11-venv), or name one:" \
    "PYTHON=/path/to/python3.11" >&2; exit 2; \
elif [ "$$found" != 3.11 ]; then \
  echo "error: '$(PYTHON)' is Python $$found, but TensorFlow 2.15 needs" \
    "Python 3.11: name one with PYTHON=/path/to/python3.11" >&2; exit 2; \
elif ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
  echo "error: '$(PYTHON)' cannot make virtual environments, as ensurepip" \
    "is missing: on Debian, as root: apt-get install python3.11-venv" >&2; \
  exit 2; \
fi
endef

# Two of the targets would install into .venv at the same time.
.NOTPARALLEL:

.PHONY: help demo serve test test-fast lint format constraints clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    installs, pre-trains REALM on the embedded corpus, reports"
	@echo "make serve   serves the demo's model and a page that asks it"
	@echo "make test    installs what tests need and runs them all"
	@echo "             (ARGS='-k index' chooses, JOBS=1 runs one at a time)"
	@echo "make test-fast  runs those that take no training and no processes"
	@echo "make lint    checks format, style and types"
	@echo "make format  puts format and imports right"
	@echo "make constraints  pins anew what .venv holds in constraints.txt"
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
	(sed '/^[^#]/d' constraints.txt; $(PIP) freeze --all --exclude-editable \
	  --exclude pip | LC_ALL=C sort -f) > $(VENV)/constraints.txt
	mv $(VENV)/constraints.txt constraints.txt

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache \
	  .ruff_cache .hypothesis
	find realm_tf tfds_builders tests -name __pycache__ -prune -exec rm -rf {} +

# A folder that an interrupted run left half-made is made anew.
$(VENV)/.created:
	$(check_python)
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt
	@echo "Installing into $(VENV): about two minutes and 3 GB of disk."
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(INSTALL) --editable ".[test]"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(INSTALL) --editable ".[dev]"
	@touch $@
