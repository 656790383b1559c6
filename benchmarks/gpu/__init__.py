"""Everything about speed and numbers that only a GPU can show, in one command: `python -m benchmarks.gpu`."""
