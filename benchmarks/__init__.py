"""Speed and memory next to the alternatives: `python -m benchmarks.throughput` and the other files."""
