"""Reproduce the paper's tables and Figure 3: what has to run, what it costs, and our values next to the paper's."""
