"""The paper's tables and Figure 3, asked again: what is to be run, what it costs, and its cells beside ours."""
