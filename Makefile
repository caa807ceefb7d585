# Everything for a fresh Debian or Ubuntu with python3 >= 3.11, venv and make.

PYTHON ?= python3
BIN := .venv/bin
# A progress bar in a terminal; the plain log anywhere else.
LOGGER := $(shell test -t 2 && echo --logger progress)

.PHONY: all mutransfer dpot studies smoke status compare test docs results bench gpu lock
all: .venv/installed
	$(BIN)/snakemake all --rerun-incomplete $(LOGGER)

mutransfer: .venv/installed
	$(BIN)/snakemake all --rerun-incomplete $(LOGGER) --config study=mutransfer

dpot: .venv/installed
	$(BIN)/snakemake all --rerun-incomplete $(LOGGER) --config study=dpot

studies: all mutransfer dpot

smoke: .venv/installed
	$(BIN)/snakemake all --rerun-incomplete $(LOGGER) --config scale=smoke

# Those of config/config.yaml, or `make status STUDY=dpot SCALE=smoke`.
CHOSEN = $(if $(STUDY),study=$(STUDY)) $(if $(SCALE),scale=$(SCALE))

status: .venv/installed
	$(BIN)/python -m pdetransfer.status $(CHOSEN)

compare: .venv/installed
	$(BIN)/python -m pdetransfer.compare "$(OTHER)" $(CHOSEN)

test: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check workflow
	$(BIN)/mypy
	$(BIN)/snakemake --lint
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder # one file has the cluster, and takes longest

docs: .venv/installed
	$(BIN)/python docs/config_reference.py .

bench: .venv/installed
	for name in training ceilings transforms micro_batches cell full_cell precision data memory state dpot; do $(BIN)/python benchmarks/$$name.py || exit; done

# In the project's environment, or with another Python that has PyTorch: `make gpu PYTHON=python3 PART="step memory"`.
ifeq ($(origin PYTHON),file)
gpu: .venv/installed-test
	$(BIN)/python benchmarks/gpu.py $(PART)
else
gpu:
	$(PYTHON) benchmarks/gpu.py $(PART)
endif

results: .venv/installed
	$(BIN)/python docs/results.py > docs/results.md
	$(BIN)/python docs/mutransfer.py > docs/mutransfer.md
	$(BIN)/python docs/dpot.py > docs/dpot.md
	cp $(addprefix results/transfer/laptop/figures/,fig3.png figB1.png) docs

.venv/installed: requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint requirements.lock --editable .
	touch $@

.venv/installed-test: .venv/installed
	$(BIN)/pip install --quiet --constraint requirements.lock --editable .[test]
	$(BIN)/pip install --quiet --no-deps mup==1.0.0 # an oracle; it asks for torchvision, which its rules do without
	touch $@

# Newest versions that pyproject.toml allows. A local build's suffix (+cpu) is not on the public index.
lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet .[test]
	(echo '# Exact versions of everything, for `pip install --constraint requirements.lock`. Made by `make lock`.'; \
	  .venv-lock/bin/pip freeze --exclude pdetransfer | sed 's/+cpu$$//') > requirements.lock
	rm -r .venv-lock
