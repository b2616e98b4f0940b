"""A plane of labels that is changed before anything is written."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.session.pixel_edit import PixelEdit

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_segment_anything.session.commits import Canvas

    Part = tuple[slice, slice]
    Labels = npt.NDArray[np.int32]

_TILE = 256


class Sheet:
    """Reads a plane tile by tile, where it is looked at, and keeps what is changed.

    The cost then depends on the objects that change, not on the size of the plane.

    Parameters
    ----------
    canvas : Canvas
        The plane; it is not written to.
    """

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._before: dict[tuple[int, int], Labels] = {}
        self._after: dict[tuple[int, int], Labels] = {}

    def read(self, part: Part) -> Labels:
        """Return the labels of a part as they are now, as a copy."""
        rows, columns = part
        found = np.zeros(
            (rows.stop - rows.start, columns.stop - columns.start), np.int32
        )
        for tile, in_tile, in_part in _tiles(part):
            found[in_part] = self._now(tile)[in_tile]
        return found

    def write(self, part: Part, labels: npt.NDArray[np.integer]) -> None:
        """Change the labels of a part."""
        for tile, in_tile, in_part in _tiles(part):
            if tile not in self._after:
                self._after[tile] = self._now(tile).copy()
            self._after[tile][in_tile] = labels[in_part]

    def edit(self) -> PixelEdit:
        """Return all that was changed."""
        nothing = np.zeros((0, 0), np.int32)
        edits = [self._canvas.edit((slice(0, 0), slice(0, 0)), nothing, nothing)]
        for tile, after in self._after.items():
            edits.append(
                self._canvas.edit(self._place(tile), self._before[tile], after)
            )
        return PixelEdit.joined(edits)

    def _now(self, tile: tuple[int, int]) -> Labels:
        if tile not in self._before:
            part = self._canvas.read(self._place(tile))
            self._before[tile] = part.astype(np.int32)
        return self._after.get(tile, self._before[tile])

    def _place(self, tile: tuple[int, int]) -> Part:
        (y, x), (height, width) = tile, self._canvas.shape
        return (
            slice(y * _TILE, min((y + 1) * _TILE, height)),
            slice(x * _TILE, min((x + 1) * _TILE, width)),
        )


def _tiles(part: Part) -> list[tuple[tuple[int, int], Part, Part]]:
    """Return the tiles that a part touches, and where it lies in each of them."""
    along = [
        [
            (
                number,
                slice(max(one.start - number * _TILE, 0), one.stop - number * _TILE),
                slice(
                    max(number * _TILE - one.start, 0), (number + 1) * _TILE - one.start
                ),
            )
            for number in range(one.start // _TILE, -(-one.stop // _TILE))
        ]
        for one in part
    ]
    return [
        ((y, x), (tile_rows, tile_columns), (rows, columns))
        for (y, tile_rows, rows), (x, tile_columns, columns) in itertools.product(
            *along
        )
    ]
