"""Which answers hold, of those that were given from near and from farther away."""

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.engine.tiling import touches_inner_edge

Answer = tuple[Box, npt.NDArray[np.bool_], float, float]
"""Box in the plane, mask of its shape, predicted IoU and stability."""

_EDGE_TOLERANCE = 2.0
# From too near a part of an object looks like nothing: the model says so by a low
# predicted IoU. The view from farther away is taken where it is much surer.
_UNSURE = 0.5
_SURER = 0.3
# A small answer that is as sure as this is no better from closer.
_SURE = 0.8


class Answers:
    """Collects the answers to prompts, which may be asked on several levels.

    Parameters
    ----------
    prompts : Prompts
        What is answered.
    plane_shape : tuple of int
        (H, W) of the plane.
    may_doubt : bool
        Whether an answer to points of which the model is unsure is one that was given
        from too near: they do not tell how large their object is.

    Attributes
    ----------
    rows : list of list
        The alternatives of each object; empty before the first `take`.
    are_points : bool
        Whether points alone are answered.
    """

    def __init__(
        self, prompts: Prompts, plane_shape: tuple[int, int], *, may_doubt: bool
    ) -> None:
        self.rows: list[list[Answer]] = [[] for _ in range(prompts.n_objects)]
        self._is_cut = [False] * prompts.n_objects
        # Of each object the last answer that was taken and shows all of it.
        self._uncut: list[list[Answer]] = [[] for _ in range(prompts.n_objects)]
        self._plane_shape = plane_shape
        self.are_points = prompts.boxes is None and prompts.masks is None
        self._may_doubt = may_doubt and self.are_points

    def take(self, i: int, alternatives: list[Answer], window: Box) -> bool:
        """Take the answer of a window, and tell whether to look from farther away."""
        held, needed = self._uncut[i], 0.0 if self._is_cut[i] else _SURER
        if held and _surest(alternatives)[2] < _surest(held)[2] + needed:
            self.rows[i], self._is_cut[i] = held, False
        else:
            self.rows[i] = alternatives
            self._is_cut[i] = self._cuts(window, alternatives)
            if not self._is_cut[i]:
                self._uncut[i] = alternatives
        is_unsure = self._may_doubt and _surest(self.rows[i])[2] < _UNSURE
        return self._is_cut[i] or is_unsure

    def take_closer(self, i: int, alternatives: list[Answer], window: Box) -> None:
        """Take the answer of a closer window if it is surer and not cut there."""
        is_surer = _surest(alternatives)[2] > _surest(self.rows[i])[2]
        if is_surer and not self._cuts(window, alternatives):
            self.rows[i] = alternatives

    def _cuts(self, window: Box, alternatives: list[Answer]) -> bool:
        box, mask, *_ = _surest(alternatives)
        return mask.size > 0 and touches_inner_edge(
            box, window, self._plane_shape, _EDGE_TOLERANCE
        )

    def may_gain(self) -> npt.NDArray[np.bool_]:
        """Whether looking closer may add something to the answers, (N,)."""
        return np.array([_surest(row)[2] < _SURE for row in self.rows], bool)

    def areas(self) -> npt.NDArray[np.int64]:
        """Pixels of the surest alternative of each object, (N,)."""
        return np.array(
            [np.count_nonzero(_surest(row)[1]) for row in self.rows], np.int64
        )

    def masks(self) -> MaskSet:
        """Return all alternatives of the first object, then those of the second …."""
        flat = [answer for row in self.rows for answer in row]
        if not flat:
            return MaskSet.empty(self._plane_shape)
        boxes, masks, iou, stability = zip(*flat, strict=True)
        return MaskSet.from_masks(
            self._plane_shape,
            boxes,
            masks,
            predicted_iou=iou,
            stability_score=stability,
            points=[_middle(box) for box in boxes],
        )


def _surest(alternatives: list[Answer]) -> Answer:
    return max(alternatives, key=lambda answer: answer[2])


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2] - 1) / 2, (box[1] + box[3] - 1) / 2
