# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN ?= .venv/bin

.PHONY: demo test test-long test-rounds test-runs test-rest check bench gpu clean

demo: .venv/demo.stamp  ## bench BERT, ResNet-18 and an LSTM over every backend of this machine, and write the report
	mkdir -p demo
	$(BIN)/stopwatt bench bert resnet lstm -p bert.size=mini -p resnet.depth=18 --backends all --store demo/stopwatt.db
	$(BIN)/stopwatt report --store demo/stopwatt.db --out demo/report.html

# Those of rounds and of bulk runs, which wait much for processes of their own; all others. With --jobs they run at once.
ROUNDS = tests/sweeping tests/selftesting tests/metering tests/compare tests/cli tests/ops tests/predicting
RUNS = tests/bulk tests/packing tests/serving tests/climbing tests/meters

test: test-rounds test-runs test-rest  ## the tests

test-long: .venv/dev.stamp  ## what takes minutes: mutants of our own code, runs killed again and again
	$(BIN)/python -m pytest -m long

test-rounds: .venv/dev.stamp
	$(BIN)/python -m pytest $(ROUNDS)

test-runs: .venv/dev.stamp
	$(BIN)/python -m pytest $(RUNS)

test-rest: .venv/dev.stamp
	$(BIN)/python -m pytest $(addprefix --ignore=,$(ROUNDS) $(RUNS))

check: .venv/dev.stamp  ## lint, types, import contracts, the commands in the docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/docs/run_commands.py

bench: .venv/dev.stamp  ## the project's own figures, into docs/results/
	$(BIN)/python benchmarks/run.py

# `make gpu BIN=/path/to/bin` uses an environment that is there already.
gpu: $(if $(filter .venv/bin,$(BIN)),.venv/dev.stamp)  ## what needs a CUDA device: its tests, then its figures
	$(BIN)/python -m pytest -m gpu
	$(BIN)/python benchmarks/run.py --gpu

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]'
	touch $@

.venv/dev.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ .venv/demo.stamp

clean:  ## what can be made again
	rm -rf .venv demo .mypy_cache .ruff_cache .pytest_cache
