"""Changed pixels of a label image, to be applied, undone and written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_segment_anything.session.planes import PlaneId

    Index = tuple[npt.NDArray[np.integer], ...]


@dataclass(frozen=True, eq=False)
class PixelEdit:
    """Pixels before and after a change.

    Parameters
    ----------
    index : tuple of ndarray
        One (n,) position per dimension of the labels.
    before, after : ndarray
        (n,) int32 labels before and after.
    """

    index: Index
    before: npt.NDArray[np.int32]
    after: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.before)

    @property
    def nbytes(self) -> int:
        """Bytes it takes, nearly: constant positions take none."""
        return 4 * (len(self.index) + 2) * len(self)

    @property
    def inverse(self) -> PixelEdit:
        """The edit that takes this one back."""
        return PixelEdit(self.index, self.after, self.before)

    @classmethod
    def joined(cls, edits: Sequence[PixelEdit]) -> Self:
        """Return several edits, none of which touch the same pixel, as one."""
        index = zip(*(edit.index for edit in edits), strict=True)
        return cls(
            tuple(np.concatenate(positions) for positions in index),
            np.concatenate([edit.before for edit in edits]),
            np.concatenate([edit.after for edit in edits]),
        )

    def applicable(self, labels: Any) -> PixelEdit:
        """Return the part whose pixels nobody has changed since."""
        current = np.asarray(labels[self.index])
        is_unchanged = current == self.before
        if is_unchanged.all():
            return self
        return PixelEdit(
            tuple(positions[is_unchanged] for positions in self.index),
            self.before[is_unchanged],
            self.after[is_unchanged],
        )

    def runs(self, shape: tuple[int, ...]) -> list[list[int]]:
        """Return ``[start, length, label]`` of each run of pixels with one new label.

        Parameters
        ----------
        shape : tuple of int
            Of the labels; starts are positions in them in C order.
        """
        if len(self) == 0:
            return []
        flat = np.ravel_multi_index(self.index, shape)
        order = np.argsort(flat, kind="stable")
        flat, labels = flat[order], self.after[order]
        is_start = np.concatenate(
            [[True], (np.diff(flat) != 1) | (np.diff(labels) != 0)]
        )
        starts = np.flatnonzero(is_start)
        lengths = np.diff(starts, append=len(flat))
        rows = np.stack([flat[starts], lengths, labels[starts]], axis=1)
        return [[int(value) for value in row] for row in rows]

    @classmethod
    def from_runs(
        cls, runs: Sequence[Sequence[int]], labels: npt.NDArray[np.integer]
    ) -> Self:
        """Return the edit of `runs`, as far as it changes these labels."""
        table = np.asarray(runs, dtype=np.int64).reshape(-1, 3)
        n_before = np.cumsum(table[:, 1]) - table[:, 1]
        within = np.arange(table[:, 1].sum()) - np.repeat(n_before, table[:, 1])
        flat = np.repeat(table[:, 0], table[:, 1]) + within
        after = np.repeat(table[:, 2], table[:, 1]).astype(np.int32)
        index = np.unravel_index(flat, labels.shape)
        return cls(index, labels[index].astype(np.int32), after)


def of_plane(
    plane: PlaneId,
    axes: str,
    corner: tuple[int, int],
    before: npt.NDArray[np.integer],
    after: npt.NDArray[np.integer],
) -> PixelEdit:
    """Return the edit of a part of a plane.

    Parameters
    ----------
    plane : PlaneId
        The plane.
    axes : str
        One letter per dimension of the labels.
    corner : tuple of int
        Plane position of the part's first pixel.
    before, after : ndarray
        (h, w) labels of the part.
    """
    rows, columns = np.nonzero(before != after)
    changed = rows, columns
    rows_axis, columns_axis = plane.plane_axes
    positions = {
        rows_axis: (rows + corner[0]).astype(np.int32),
        columns_axis: (columns + corner[1]).astype(np.int32),
    }
    index = tuple(
        positions[letter]
        if letter in positions
        # A view of one number: a million of them take no more memory.
        else np.broadcast_to(np.int32(plane.position(letter) or 0), rows.shape)
        for letter in axes
    )
    return PixelEdit(
        index, before[changed].astype(np.int32), after[changed].astype(np.int32)
    )
