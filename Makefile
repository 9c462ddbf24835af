# `make run` does the main job, `make test` passes the tests, `make test-all` those that take long, too; each makes
# .venv when it is missing.
PYTHON ?= python3
BIN = .venv/bin
TEST = $(BIN)/python -m pytest -n 2 --dist worksteal
# The pip of PYTHON fills .venv: one of its own there would take as long to install as NumPy and SymPy together.
HAS_PIP = $(shell $(PYTHON) -c 'import pip' 2>/dev/null && echo yes)
PIP = $(if $(HAS_PIP),$(PYTHON) -m pip --python $(BIN)/python,$(BIN)/python -m pip) install --disable-pip-version-check --no-compile
RUN ?=
FUZZ ?=
BENCH ?= --page docs/reference/benchmarks.md
SCALE ?=
FOLDER ?=
LIBRARIES ?= 'torch==2.13.0' 'jax>=0.4.30' scipy onnxscript

.PHONY: run test test-all docs libraries processors fuzz prove-kernels bench scale certificates fpbench vocabulary \
	lint clean

run: .venv/package
	$(BIN)/scalarspec run $(RUN)

# All tests but those that tests/slow.py names: five minutes on two cores.
test: .venv/installed
	$(TEST) -m 'not exhaustive and not slow'

# All of them: twenty minutes.
test-all: .venv/installed
	$(TEST)

# The tests of what other libraries' code means, and of specs on their tensors, with these installed beside.
libraries: .venv/libraries
	$(BIN)/python -m pytest -n 2 --dist worksteal tests/test_torch_code.py tests/test_from_jax.py tests/test_numpy_code.py \
		tests/test_array_api.py tests/test_fuzz_code.py tests/test_torch_context.py tests/test_jax_context.py \
		tests/test_to_torch.py tests/test_training.py tests/test_code_examples.py tests/test_laws.py \
		tests/test_from_torch.py tests/test_onnx_exporters.py tests/test_to_onnx.py tests/test_load_weights.py

# All tests under the machine's own kernels; and those that other kernels could change, under these.
processors: .venv/installed
	$(BIN)/python tests/processors.py $(TEST)

# The interval kernel against the oracle: some millions of cases, then every finite 16-bit float; bounds against values
# at 100,000 points; gradients with ties and kinks against exact one-sided differences; attained values against true
# ranges; generated code and formulas against the specs; verdicts of the theory, and of claims, against values;
# mutants of certificates against values;
# tolerances against floats; random specs through every job; random programs in other libraries' words; signals at random moments.
fuzz: .venv/installed
	$(BIN)/python tests/fuzz_intervals.py $(FUZZ)
	$(BIN)/python tests/fuzz_intervals.py --exhaustive
	$(BIN)/python tests/fuzz_bounds.py
	$(BIN)/python tests/fuzz_tensors.py
	$(BIN)/python tests/fuzz_replays.py
	$(BIN)/python tests/fuzz_gradients.py
	$(BIN)/python tests/fuzz_inner.py
	$(BIN)/python tests/fuzz_generated.py
	$(BIN)/python tests/fuzz_theory.py
	$(BIN)/python tests/fuzz_claims.py
	$(BIN)/python tests/fuzz_certificates.py
	$(BIN)/python tests/fuzz_tolerance.py
	$(BIN)/python tests/fuzz_jobs.py
	$(BIN)/python tests/fuzz_code.py
	$(BIN)/python tests/fuzz_signals.py

# The pages in docs/_build/html, all anew, notebooks run. Warnings are errors; then each link within them, each public name.
docs: .venv/docs
	$(BIN)/python -m sphinx -q -E -W --keep-going -n -b html docs docs/_build/html
	$(BIN)/python docs/extensions/links.py docs/_build/html

# The error bounds of interval64's kernels, proved for all arguments: each beside the bound of the code, in units of 2^-53.
prove-kernels: .venv/installed
	$(BIN)/python tests/prove_kernels.py

# The page of benchmarks, measured in turns in one process on one thread; BENCH=float64 prints these rows alone.
bench: .venv/installed
	$(BIN)/python benchmarks/run.py $(BENCH)

# Two processes against one, and the queue of a cluster of 64 workers.
scale: .venv/installed
	$(BIN)/python benchmarks/scale.py $(SCALE)

# Certificates: their sizes, and the times to make and to check them; with FOLDER=, of the queries there too.
certificates: .venv/installed
	$(BIN)/python benchmarks/certificates.py $(FOLDER)

# Bounds on float errors beside those of other tools, and beside errors observed.
fpbench: .venv/installed
	$(BIN)/python benchmarks/fpbench.py

# The page of all functions, from the code.
vocabulary: .venv/installed
	$(BIN)/python -m scalarspec.vocabulary docs/reference/vocabulary.md

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/libraries: .venv/installed
	$(PIP) --quiet $(LIBRARIES)
	touch $@

# What builds the pages.
.venv/docs: .venv/installed
	$(PIP) --quiet --editable '.[docs]'
	touch $@

# The package and what it needs to run. Its files are compiled as they are first used: that takes less than all of them.
.venv/package: pyproject.toml
	$(PYTHON) -m venv $(if $(HAS_PIP),--without-pip) .venv
	$(PIP) --quiet --editable .
	touch $@

# What the tests need beside it.
.venv/installed: .venv/package
	@echo 'installing what the tests need, some 700 MB, once: what comes is listed'
	$(PIP) --editable '.[test]'
	touch $@

# What checks the texts, and builds.
.venv/dev: .venv/installed
	$(PIP) --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv dist docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
