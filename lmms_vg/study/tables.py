"""One line of a Markdown table, whatever its cells hold: names come from data sets and command lines."""


def row(*cells: str) -> str:
    """The cells between pipes, which inside a cell become slashes; every kind of line break becomes a space."""
    return f"| {' | '.join(' '.join(cell.split()).replace('|', '/') for cell in cells)} |"
