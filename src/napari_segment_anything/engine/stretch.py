"""Planes with oblong pixels, shown to the model with square ones.

Across the slices of a stack pixels are often several times as high as wide. A model
that has seen objects as they are would find none in such a squeezed picture.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.plane_predictor import PlanePredictor
from napari_segment_anything.engine.prompt_bounds import within_plane
from napari_segment_anything.engine.prompts import Prompts

BoolArray = npt.NDArray[np.bool_]

# Pixels that are more oblong tell too little of what lies between them.
_MOST = 8
_EMPTY = np.zeros((0, 0), bool)


@dataclass(frozen=True)
class Stretch:
    """Into how many each row and each column is divided to make pixels square.

    Parameters
    ----------
    rows, columns : int
        At least 1; one of them is 1.
    """

    rows: int = 1
    columns: int = 1

    @classmethod
    def of_pixel(cls, height: float, width: float) -> "Stretch":
        """Return what makes pixels of this height and width, in one unit, square."""
        if not (0 < height < math.inf and 0 < width < math.inf):
            return cls()
        if height > width:
            return cls(rows=min(round(height / width), _MOST))
        return cls(columns=min(round(width / height), _MOST))

    @property
    def is_needed(self) -> bool:
        """Whether pixels are oblong enough to matter."""
        return self != Stretch()

    def pixels(self, image: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return an image (H, W) or (H, W, 3), interpolated between its pixels."""
        if not self.is_needed:
            return image
        times = (self.rows, self.columns, 1)[: image.ndim]
        stretched: npt.NDArray[np.float32] = ndimage.zoom(
            image.astype(np.float32), times, order=1, mode="nearest", grid_mode=True
        )
        return stretched

    def prompts(self, prompts: Prompts) -> Prompts:
        """Return points and boxes of an image as those of the stretched one."""
        times = np.array([self.rows, self.columns], np.float32)
        points, boxes = prompts.points, prompts.boxes
        if points is not None:
            points = (points + 0.5) * times - 0.5
        if boxes is not None:
            boxes = (boxes + 0.5) * np.tile(times, 2) - 0.5
        return replace(prompts, points=points, boxes=boxes)

    def masks(self, masks: MaskSet) -> MaskSet:
        """Return masks of an image as those of the stretched one."""
        times = np.array([self.rows, self.columns])
        return MaskSet.from_masks(
            (masks.shape[0] * self.rows, masks.shape[1] * self.columns),
            masks.boxes * np.tile(times, 2),
            [
                mask.repeat(self.rows, axis=0).repeat(self.columns, axis=1)
                for mask in masks.masks
            ],
            predicted_iou=masks.predicted_iou,
            stability_score=masks.stability_score,
            points=(masks.points + 0.5) * times - 0.5,
        )

    def shrunk(self, masks: MaskSet, shape: tuple[int, int]) -> MaskSet:
        """Return masks of the stretched image as those of the image of this shape.

        A pixel belongs to an object that covers half of it. What covers no pixel has an
        empty box and scores of 0.
        """
        parts = [
            self._shrink(mask, box)
            for mask, box in zip(masks.masks, masks.boxes.tolist(), strict=True)
        ]
        is_left = np.array([mask.size > 0 for _, mask in parts], bool)
        times = np.array([self.rows, self.columns])
        return MaskSet.from_masks(
            shape,
            [box for box, _ in parts],
            [mask for _, mask in parts],
            predicted_iou=np.where(is_left, masks.predicted_iou, 0),
            stability_score=np.where(is_left, masks.stability_score, 0),
            points=(masks.points + 0.5) / times - 0.5,
        )

    def shrunk_labels(self, labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return labels of the stretched image as those of the image itself.

        A pixel belongs to the object that covers half of it, of two such objects to the
        one with the smaller number.
        """
        rows, columns = self.rows, self.columns
        height, width = labels.shape[0] // rows, labels.shape[1] // columns
        blocks = labels.reshape(height, rows, width, columns).swapaxes(1, 2)
        parts = blocks.reshape(height, width, -1)
        n = rows * columns
        ordered = np.sort(parts, axis=-1)
        shrunk = np.zeros((height, width), np.int32)
        # Whatever fills half of a sorted row reaches its middle.
        for middle in (n // 2, (n - 1) // 2):
            label = ordered[..., middle]
            covers = 2 * (parts == label[..., np.newaxis]).sum(axis=-1) >= n
            shrunk = np.where(covers & (label > 0), label, shrunk)
        return shrunk

    def _shrink(
        self, mask: BoolArray, box: list[int]
    ) -> tuple[tuple[int, int, int, int], BoolArray]:
        y0, x0, y1, x1 = box
        rows, columns = self.rows, self.columns
        top, left = y0 // rows, x0 // columns
        bottom, right = -(-y1 // rows), -(-x1 // columns)
        padded = np.pad(
            mask,
            (
                (y0 - top * rows, bottom * rows - y1),
                (x0 - left * columns, right * columns - x1),
            ),
        )
        blocks = padded.reshape(bottom - top, rows, right - left, columns)
        shrunk = blocks.mean(axis=(1, 3)) >= 0.5
        found = ndimage.find_objects(shrunk.astype(np.uint8))
        if not found:
            return (0, 0, 0, 0), _EMPTY
        (part,) = found
        ys, xs = part
        inner = (top + ys.start, left + xs.start, top + ys.stop, left + xs.stop)
        return inner, shrunk[part].copy()


class StretchedPlane:
    """Answers prompts on a plane of oblong pixels like a `PlanePredictor`.

    Parameters
    ----------
    plane : PlanePredictor
        Of the stretched image.
    stretch : Stretch
        How it was stretched.
    """

    def __init__(self, plane: PlanePredictor, stretch: Stretch) -> None:
        self._plane = plane
        self._stretch = stretch

    @property
    def plane_shape(self) -> tuple[int, int]:
        """(H, W) of the plane in its own pixels."""
        height, width = self._plane.plane_shape
        return height // self._stretch.rows, width // self._stretch.columns

    @property
    def scale(self) -> float:
        """Frame pixels per stretched pixel in the finest windows."""
        return self._plane.scale

    def answer(
        self,
        prompts: Prompts,
        *,
        multimask: bool = True,
        may_encode: bool = True,
        rough: MaskSet | None = None,
        n_clicks: int = 0,
    ) -> MaskSet:
        """Predict masks in pixels of the plane, as `PlanePredictor.answer` does.

        Raises
        ------
        InvalidPromptError
            When a point or a whole box lies outside of the plane.
        """
        inside = within_plane(prompts, self.plane_shape)
        found = self._plane.answer(
            self._stretch.prompts(inside),
            multimask=multimask,
            may_encode=may_encode,
            rough=None if rough is None else self._stretch.masks(rough),
            n_clicks=n_clicks,
        )
        return self._stretch.shrunk(found, self.plane_shape)
