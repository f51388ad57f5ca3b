# make demo   a selection from the shipped example rows, from nothing
# make test   the test suite, in two processes (WORKERS=2)
# make lint   ruff, mypy, clang-format, codespell, the workflows, the generated pages
# make bench  selection speed against its baselines
# make fuzz   a million mutated rows through the readers (N=1000000)
# make docs   write the generated pages: the command line, the Python API, tables, trees
# make site   the docs site, into build/site
# make sanitize   the C++ core under ASan, UBSan and TSan
# make serving-check  asks a real vLLM, in an environment of its own (SERVING=.venv-serving)
# make torture   what a bad day does to runs: kills, flipped bits, full disks, hostile input
# make gpu-check  build, test, sanitise and measure the CUDA core (needs an NVIDIA GPU)

PYTHON ?= python3
VENV ?= .venv
SERVING ?= .venv-serving
RUN ?= demo-run
N ?= 1000000
WORKERS ?= 2
BIN := $(VENV)/bin
SOURCES := $(shell find mods mods_plugins csrc -type f -not -name '*.so' -not -path '*/__pycache__/*') \
           CMakeLists.txt pyproject.toml tools/setup_env.py

.PHONY: demo test lint bench fuzz docs site sanitize torture serving-check gpu-check clean

demo: $(VENV)/.demo
	$(BIN)/mods run examples/instructions.jsonl -o $(RUN) --recipe offline

# A thread for each: more would wait for one another. Files stay whole: they share what is slow to make.
test: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile

$(VENV)/.demo: $(SOURCES)
	$(PYTHON) tools/setup_env.py $(VENV) sentence-transformers gguf
	@touch $@

$(VENV)/.test: $(SOURCES)
	$(PYTHON) tools/setup_env.py $(VENV) test
	@touch $@ $(VENV)/.demo

$(VENV)/.dev: $(SOURCES)
	$(PYTHON) tools/setup_env.py $(VENV) dev
	@touch $@ $(VENV)/.demo $(VENV)/.test

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $$(git ls-files 'csrc/*.hpp' 'csrc/*.cpp' 'csrc/*.cu' 'csrc/*.cuh')
	$(BIN)/codespell
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/python tools/cli_reference.py --check
	$(BIN)/python tools/data_fields.py --check
	$(BIN)/python tools/api_reference.py --check
	$(BIN)/python tools/tree.py --check

docs: $(VENV)/.dev
	$(BIN)/python tools/cli_reference.py
	$(BIN)/python tools/api_reference.py
	$(BIN)/python -m benchmarks.show
	$(BIN)/python tools/data_fields.py
	$(BIN)/python tools/tree.py

site: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "the site lies in build/site"

clean:
	rm -rf build dist $(VENV) demo-run

bench: $(VENV)/.dev
	$(BIN)/python -m pytest benchmarks --benchmark-enable

fuzz: $(VENV)/.dev
	$(BIN)/python tools/fuzz_reading.py $(N)

torture: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python -m tools.torture --seconds $(or $(SECONDS),600)

serving-check: $(VENV)/.dev
	$(PYTHON) tools/serving_env.py $(SERVING)
	PYTHONPATH=. $(BIN)/python -m tools.serving_check $(SERVING)

sanitize:
	set -e; for kind in address,undefined thread; do \
	  cmake -S . -B build/sanitize-$$kind -DMODS_BUILD_TESTS=ON -DMODS_SANITIZE=$$kind; \
	  cmake --build build/sanitize-$$kind -j 2; \
	  ./build/sanitize-$$kind/mods_core_test; \
	done

gpu-check: export MODS_CUDA = ON
gpu-check: $(VENV)/.dev
	MODS_REQUIRE_GPU=1 $(BIN)/pytest tests/csrc tests/mods/kcenter
	$(BIN)/python -m benchmarks.gpu_check
