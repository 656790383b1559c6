"""The paper as data: its tables, their columns, and the protocols."""
