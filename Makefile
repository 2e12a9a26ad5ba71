# make demo    simulate a small movie, find its cells, score them, write a report
# make test    lint, types, tests
# Each sets up everything it needs in .venv; all it takes is make and Python 3.11 or newer.

unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV

VENV := .venv
BIN := $(VENV)/bin
# Installed again when the list of files changes: type checkers and editors see the files by links.
FOLDERS := detectnmf simulate train configs checkpoints
LIST := $(shell find $(FOLDERS) -name '*.py' -o -name '*.yaml' -o -name '*.html' -o -name '*.safetensors' -o -name '*.md' | sort | cksum | cut -d' ' -f1)
INSTALLED := $(VENV)/installed-$(LIST)
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
WORKERS ?= $(shell echo $$(( $(CORES) < 4 ? $(CORES) : 4 )))

.PHONY: help demo test lint types tests install clean

help:
	@sed -n '/^# make/s/^# //p' Makefile

demo: $(INSTALLED)
	@$(BIN)/detectnmf demo overwrite=true

test: lint types tests

lint: $(INSTALLED)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

# From build/, where the package stands as it is imported: simulate/ and the others inside it, each file a link.
types: $(INSTALLED)
	@cd build && said=$$($(abspath $(BIN))/python -m mypy --config-file ../pyproject.toml --cache-dir ../.mypy_cache 2>&1) && code=0 || code=$$?; \
	echo "$$said" | sed -E 's#^__editable__[^/]*/(detectnmf/(simulate|train)|detectnmf)/#\1/#; s#^detectnmf/(simulate|train)/#\1/#'; exit $$code

# Each worker computes on one thread (tests/conftest.py), so that they do not fight for the cores.
tests: $(INSTALLED)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --durations 10

install: $(INSTALLED)

$(INSTALLED): pyproject.toml setup.py detectnmf/__init__.py
	@PYTHON="$(PYTHON)" sh .ci/install $(VENV)
	@rm -f $(VENV)/installed-*
	@touch $@

clean:
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
