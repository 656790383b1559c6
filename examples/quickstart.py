# %% [markdown]
# # lmms_vg in a notebook
#
# Ask a model about an image, see where it looked, and compare two methods. `pretrained="demo"` is the demo model, which
# needs no download and knows drawn phantoms only; leave it out for HuatuoGPT-Vision-7B. `examples/quickstart.py` is the
# same as a script.

# %%
from pathlib import Path

import lmms_vg

image = next(path for path in (Path("phantom.png"), Path("examples/phantom.png")) if path.is_file())
model = lmms_vg.load("huatuo", method="vgrefine", pretrained="demo")

# %% [markdown]
# One call gives the answer, the map and, where the answer's place is known, the values. The question is asked exactly as
# written. A box is x1, y1, x2, y2 in pixels.

# %%
instruction = "Answer the question using a single word or phrase."
question = f"On which side of the image is the nodule, left or right? {instruction}"
look = model.ask(image, question, boxes=[(7, 20, 18, 31)])
look

# %% [markdown]
# The same as numbers: the answer, AR of every layer (1 is even attention), and the map of one layer, a value per patch.

# %%
print(look.answer)
print(look.alignment.ar.round(2))
print(look.map(2).round(1))

# %% [markdown]
# Several methods share the weights and one pass over the image, and stand side by side. A map needs no box.

# %%
both = lmms_vg.load("huatuo", methods=["plain", "vgrefine"], pretrained="demo")
both.ask(image, f"Which half of the image shows the cyst, upper or lower? {instruction}")

# %% [markdown]
# A whole run, here of twelve questions, as a data frame: one row per question.

# %%
import subprocess
import sys
import tempfile

folder = tempfile.mkdtemp()
command = (
    "run --model huatuo_vgrefine --model_args pretrained=demo --tasks vqa_demo_hard,vgmed_demo --limit 12 --log_samples"
)
subprocess.run(
    [sys.executable, "-m", "lmms_vg", *command.split(), "--output_path", folder], check=True, capture_output=True
)
questions = lmms_vg.read(folder).to_pandas()
questions[["task", "prompt", "reference", "answer", "score", "ar"]]

# %%
questions.groupby("task")[["score", "ar"]].mean()
