# Everything happens in .venv, made with this Python (3.11 or later): make book PYTHON=python3.12
PYTHON ?= python3
BIN := .venv/bin
chapters ?=
names ?=

# Two installations into .venv at once would break it, and these change what Python does.
.NOTPARALLEL:
unexport PYTHONHOME PYTHONOPTIMIZE PYTHONWARNINGS KERAS_BACKEND

.DEFAULT_GOAL := help
.PHONY: help book pdf test lab execute serve studies bench matrix clean

help:  ## list these commands
	@awk -F ':.*## *' '/^[a-z]+:.*##/ {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: .venv/.book  ## build the book from its stored outputs; no TensorFlow needed
	@$(BIN)/jupyter-book build . -W -n --keep-going --quiet
	@echo "The book is ready: open $(CURDIR)/_build/html/index.html"

pdf: .venv/.pdf book  ## print the whole book into one PDF, with Chromium: a minute more
	@$(BIN)/python book/_tools/pdf.py

test: .venv/.dev  ## run every test: package, notebooks, studies, rendered book
	@$(BIN)/python -m pytest -n 2 --dist loadfile --durations 15

lab: .venv/.dev  ## open the chapters in JupyterLab
	@$(BIN)/jupyter lab book

execute: .venv/.dev  ## run the notebooks again and store their outputs: make execute chapters="02-initialization"
	@$(BIN)/python book/_tools/execute.py $(chapters)
	@$(BIN)/python book/_tools/matrix.py --forget > /dev/null

serve: .venv/.dev  ## write with the book beside you: it is rebuilt and reloaded on change
	@$(BIN)/python book/_tools/serve.py

studies: .venv/.dev  ## repeat the studies whose definition changed: make studies names="initialization-speed"
	@$(BIN)/python -m companion.lab.studies $(names)

bench: .venv/.dev  ## measure how fast companion is, beside Keras and the machine's limits (15 minutes, alone)
	@$(BIN)/python -m companion.lab.bench
	@$(BIN)/python book/_tools/times.py

matrix: .venv/.dev  ## run the notebooks as other processors would, and compare (hours)
	@$(BIN)/python book/_tools/matrix.py

clean:  ## remove what was built, and the environment
	rm -rf _build dist .venv .tox .pytest_cache .mypy_cache .ruff_cache .hypothesis

# What building the book needs, printing it, and everything else, from one set of pins.
.venv/.book .venv/.pdf .venv/.dev: requirements.txt pyproject.toml
	@$(PYTHON) book/_tools/preflight.py
	@echo "Installing what '$(@:.venv/.%=%)' needs into .venv; this takes a minute or two, once."
	@if kill -0 "$$(cat .venv/.begun 2>&1)" 2>/dev/null; then echo "Another make is installing here: wait for it."; exit 1; fi
	@if [ -e .venv/.begun ]; then rm -rf .venv; fi  # pip takes what it half installed for whole
	@$(PYTHON) -m venv .venv && echo $$PPID > .venv/.begun
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.txt -e ".[$(@:.venv/.%=%)]"
	@rm .venv/.begun && touch $@
