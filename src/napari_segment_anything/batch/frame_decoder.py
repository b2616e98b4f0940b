"""Answers prompts on the frames of a stack, for the repair of tracks."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.engine.mask_logits import stable_mask_in_plane
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.prompts import PADDING, Prompts
from napari_segment_anything.engine.searched_plane import plan_crops
from napari_segment_anything.engine.tiling import points_shown_best
from napari_segment_anything.stacks.stack import Stack

_BATCH = 64
_EMPTY = np.zeros((0, 0), bool)


class FrameDecoder:
    """Reads, encodes (or finds in the store) and decodes one frame at a time.

    A plane that everything mode searches in tiles is prompted in the same tiles, whose
    embeddings the store therefore has.

    Parameters
    ----------
    stack : Stack
        The movie.
    indices : sequence of tuple of int
        Index in the stack of each frame.
    predictor : StoredPredictor
        Its stopwatch counts the seconds.
    settings : AutomaticSettings
        Those of everything mode; say whether there are tiles.
    intensity_range : tuple of float
        Of the whole stack.
    """

    def __init__(
        self,
        stack: Stack,
        indices: Sequence[tuple[int, ...]],
        predictor: StoredPredictor,
        settings: AutomaticSettings,
        intensity_range: tuple[float, float],
    ) -> None:
        self._stack = stack
        self._indices = indices
        self._predictor = predictor
        self._settings = settings
        self._intensity_range = intensity_range
        self._watch = predictor.watch
        whole = replace(settings, crop_n_layers=0)
        shape, side = stack.plane_shape, predictor.frame_size
        self._boxes: list[Box] = [c.box for c in plan_crops(shape, side, whole)]

    def predict(self, frame: int, prompts: Prompts) -> MaskSet:
        """Decode the prompts of N objects on one frame.

        Returns
        -------
        MaskSet
            3 N masks: the three alternatives of the first object, then those of the
            second …; an alternative without pixels has an empty box and scores of 0.
        """
        with self._watch.timing("reading"):
            plane = self._stack.read(self._indices[frame])
        owner = self._owner(prompts)
        parts: list[MaskSet] = []
        positions: list[npt.NDArray[np.intp]] = []
        for tile in np.unique(owner):
            chosen = np.flatnonzero(owner == tile)
            positions.append(chosen)
            parts.append(
                self._predict_in(self._boxes[tile], plane, prompts.select(chosen))
            )
        if not parts:
            return MaskSet.empty(self._stack.plane_shape)
        # Back to the order of the prompts.
        rank = np.empty(len(owner), np.intp)
        rank[np.concatenate(positions)] = np.arange(len(owner))
        order = (3 * rank[:, np.newaxis] + np.arange(3)).ravel()
        return MaskSet.concatenate(parts).select(order)

    def _owner(self, prompts: Prompts) -> npt.NDArray[np.intp]:
        """Which tile shows most of the surroundings of each prompted object."""
        if len(self._boxes) == 1:
            return np.zeros(prompts.n_objects, np.intp)
        if prompts.boxes is not None:
            corners = prompts.boxes.reshape(-1, 2, 2)
        elif prompts.points is not None:
            corners = prompts.points[:, :1]
        else:
            return np.zeros(prompts.n_objects, np.intp)
        centres, shape = corners.mean(axis=1), self._stack.plane_shape
        is_best = [
            points_shown_best(centres, box, self._boxes, shape, slack=0.0)
            for box in self._boxes
        ]
        owner: npt.NDArray[np.intp] = np.argmax(is_best, axis=0)
        return owner

    def _predict_in(
        self, box: Box, plane: npt.NDArray[np.generic], prompts: Prompts
    ) -> MaskSet:
        y0, x0, y1, x1 = box
        embedding = self._predictor.embed(
            plane[y0:y1, x0:x1], intensity_range=self._intensity_range
        )
        inner = _within(prompts.shift(-y0, -x0), (y1 - y0, x1 - x0))
        boxes: list[Box] = []
        masks: list[npt.NDArray[np.bool_]] = []
        iou: list[float] = []
        stability: list[float] = []
        with self._watch.timing("decoding"):
            for start in range(0, inner.n_objects, _BATCH):
                batch = inner.select(slice(start, start + _BATCH))
                logits, scores = self._predictor.decode(embedding, batch, True)
                flat = logits.flatten(0, 1).float().cpu().numpy()
                for alternative, score in zip(
                    flat, scores.flatten().tolist(), strict=True
                ):
                    found = stable_mask_in_plane(
                        alternative,
                        embedding.geometry,
                        offset=self._settings.stability_score_offset,
                    )
                    if found is None:
                        found, score = ((0, 0, 0, 0), _EMPTY, 0.0), 0.0
                    (top, left, bottom, right), mask, stable = found
                    boxes.append((top + y0, left + x0, bottom + y0, right + x0))
                    masks.append(mask)
                    iou.append(score)
                    stability.append(stable)
        return MaskSet.from_masks(
            self._stack.plane_shape,
            boxes,
            masks,
            predicted_iou=iou,
            stability_score=stability,
            points=[_centre(box) for box in boxes],
        )


def _within(prompts: Prompts, shape: tuple[int, int]) -> Prompts:
    """Ignore points and clip boxes beyond a tile; drop masks, whose frame differs."""
    points, labels, boxes = prompts.points, prompts.point_labels, prompts.boxes
    last = np.subtract(shape, 1)
    if points is not None and labels is not None:
        is_inside = np.all([points >= 0, points <= last], axis=(0, -1))
        labels = np.where(is_inside, labels, PADDING)
        points = np.where(is_inside[..., np.newaxis], points, 0).astype(np.float32)
    if boxes is not None:
        boxes = np.clip(boxes, 0, np.tile(last, 2)).astype(np.float32)
    return Prompts(points=points, point_labels=labels, boxes=boxes)


def _centre(box: Box) -> tuple[float, float]:
    return (box[0] + box[2] - 1) / 2, (box[1] + box[3] - 1) / 2
