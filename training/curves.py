"""The curves of a run as a table of text.

    python -m training.curves runs/nano/log.jsonl [--rows 20]

Each row is the mean over an equal part of the run's time.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .record import read_rows


def curves_table(rows: Sequence[Mapping[str, float]], n_rows: int = 20) -> str:
    """Table of means over ``n_rows`` parts of the time, a column a quantity."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    names = [name for name in names if name not in ("step", "seconds")]
    seconds = np.array([row["seconds"] for row in rows], dtype=float)
    edges = np.linspace(0, seconds.max(initial=0), n_rows + 1)[1:-1]
    part = np.digitize(seconds, edges, right=True)
    table = [["step", "minutes", *names]]
    for k in np.unique(part):
        members = [row for row, p in zip(rows, part, strict=True) if p == k]
        cells = [str(members[-1]["step"]), f"{members[-1]['seconds'] / 60:.1f}"]
        for name in names:
            values = [row[name] for row in members if name in row]
            cells.append(f"{np.mean(values):.3f}" if values else "")
        table.append(cells)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(n) for cell, n in zip(cells, widths, strict=True))
        for cells in table
    )


def main() -> None:
    """Print the curves of a log."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("log", type=Path)
    parser.add_argument("--rows", type=int, default=20)
    arguments = parser.parse_args()
    rows = read_rows(arguments.log)
    if not rows:
        raise SystemExit(f"{arguments.log} has no rows yet; check the path, or wait.")
    print(curves_table(rows, arguments.rows))


if __name__ == "__main__":
    main()
