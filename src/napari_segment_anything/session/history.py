"""What accepting changed, so that it can be taken back without touching more."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_segment_anything.session.objects import PlanePrompts
    from napari_segment_anything.session.planes import PlaneId


@dataclass(frozen=True, eq=False)
class Commit:
    """Pixels that one accept changed.

    Parameters
    ----------
    plane : PlaneId
        Where they lie.
    rows, columns : ndarray
        (n,) int32 positions in the plane.
    before, after : ndarray
        (n,) int32 labels before and after.
    prompts : PlanePrompts
        What had been drawn; given back when the commit is undone.
    """

    plane: PlaneId
    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    before: npt.NDArray[np.int32]
    after: npt.NDArray[np.int32]
    prompts: PlanePrompts

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Ids that the commit painted, ascending."""
        return tuple(int(number) for number in np.unique(self.after))

    def still_there(self, current: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Which of its pixels nobody has changed since.

        Parameters
        ----------
        current : ndarray
            (n,) labels that are at the commit's pixels now.
        """
        unchanged: npt.NDArray[np.bool_] = current == self.after
        return unchanged


class History:
    """The latest commits, newest last; the oldest are forgotten beyond a limit.

    Parameters
    ----------
    n_kept : int, optional
        How many commits can be undone.
    """

    def __init__(self, n_kept: int = 100) -> None:
        self._commits: deque[Commit] = deque(maxlen=n_kept)

    def __len__(self) -> int:
        return len(self._commits)

    def add(self, commit: Commit) -> None:
        """Remember a commit."""
        self._commits.append(commit)

    def pop(self) -> Commit | None:
        """Take the newest commit out, None when there is none."""
        return self._commits.pop() if self._commits else None
