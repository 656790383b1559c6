# Two commands: make demo, make test. PYTHON may name another interpreter (3.10 to 3.12).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test check format clean

# One install serves every target; it is redone when the dependencies change. The project itself is installed editable.
$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $(STAMP)

# The main job on the embedded model, with and without VGRefine: two tables, and pictures in demo_out/.
# One thread: the model is so small that a second one only waits.
DEMO = OMP_NUM_THREADS=1 $(BIN)/lmms-vg run --tasks vgmed_demo,vqa_demo --model_args pretrained=demo --batch_size 8 --verbosity WARNING
demo: $(STAMP)
	$(DEMO) --model huatuo_plain --output_path demo_out/plain --log_samples
	$(DEMO) --model huatuo_vgrefine --output_path demo_out/vgrefine --log_samples
	OMP_NUM_THREADS=1 $(BIN)/lmms-vg overlay --models huatuo_plain,huatuo_vgrefine --model_args pretrained=demo -o demo_out/overlays

# Two processes: half of the time goes into whole runs of lmms-eval, each of which imports it for five seconds.
test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(STAMP)
	$(BIN)/ruff format --check lmms_vg tests benchmarks examples
	$(BIN)/ruff check lmms_vg tests benchmarks examples
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix-only lmms_vg tests benchmarks examples
	$(BIN)/ruff format lmms_vg tests benchmarks examples

clean:
	rm -rf $(VENV) demo_out .pytest_cache .mypy_cache .ruff_cache
