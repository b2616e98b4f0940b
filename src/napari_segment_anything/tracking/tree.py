"""A picture of the lineages: time to the right, one line for each track."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

ROW, STEP, LEFT, TOP = 14, 10, 46, 28


@dataclass(frozen=True)
class Branch:
    """A track as the picture needs it.

    Attributes
    ----------
    start, end : int
        First and last frame.
    parent : int
        Id of the track that it comes from; 0 for none.
    """

    start: int
    end: int
    parent: int = 0


def rows_of(branches: Mapping[int, Branch]) -> dict[int, float]:
    """Place each track on a row: leaves below each other, parents amid their children.

    Parameters
    ----------
    branches : mapping of int to Branch
        By track id.
    """
    children: dict[int, list[int]] = {}
    for one, branch in branches.items():
        parent = branch.parent if branch.parent in branches else 0
        children.setdefault(parent, []).append(one)
    rows: dict[int, float] = {}
    n_leaves = 0
    # Without recursion: lineages can be deeper than Python's stack.
    stack = [(one, False) for one in sorted(children.get(0, ()), reverse=True)]
    while stack:
        one, is_done = stack.pop()
        below = sorted(children.get(one, ()))
        if not below:
            rows[one] = n_leaves
            n_leaves += 1
        elif is_done:
            rows[one] = sum(rows[child] for child in below) / len(below)
        else:
            stack.append((one, True))
            stack += [(child, False) for child in reversed(below)]
    return rows


def lineage_svg(branches: Mapping[int, Branch], *, title: str = "Lineages") -> str:
    """Draw all lineages as an SVG picture.

    Parameters
    ----------
    branches : mapping of int to Branch
        By track id.
    title : str
        Stands above.
    """
    rows = rows_of(branches)
    last = max((b.end for b in branches.values()), default=0)
    width = LEFT + STEP * (last + 1) + 40
    height = TOP + ROW * (max(rows.values(), default=0) + 2)
    # The line goes on behind the name of a track that has its only child on its row.
    n_children = Counter(branch.parent for branch in branches.values())

    def x(frame: float) -> float:
        return LEFT + STEP * frame

    def y(one: int) -> float:
        return TOP + ROW * (rows[one] + 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="9">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="12" font-size="11">{escape(title)}</text>',
        f'<text x="4" y="{TOP}" fill="gray">frame</text>',
    ]
    every = max(round(last / 10), 1)
    for frame in range(0, last + 1, every):
        parts.append(f'<text x="{x(frame)}" y="{TOP}" fill="gray">{frame}</text>')
    for one, branch in sorted(branches.items()):
        parts.append(
            f'<line x1="{x(branch.start)}" y1="{y(one)}" x2="{x(branch.end + 0.7)}" '
            f'y2="{y(one)}" stroke="#2266aa" stroke-width="2"/>'
        )
        below = -3 if n_children[one] == 1 else 3
        parts.append(
            f'<text x="{x(branch.end + 0.9)}" y="{y(one) + below}">{one}</text>'
        )
        if branch.parent in branches:
            mother = branches[branch.parent]
            parts.append(
                f'<path d="M{x(mother.end + 0.7)} {y(branch.parent)} '
                f'L{x(branch.start)} {y(one)}" stroke="#2266aa" fill="none"/>'
            )
    return "\n".join([*parts, "</svg>", ""])
