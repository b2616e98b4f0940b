"""What linking needs to know about the objects of one frame, measured once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.mask_set import MaskSet

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FrameObjects:
    """Objects of one frame.

    Attributes
    ----------
    mask_set : MaskSet
        The masks themselves.
    centroids : (n, 2) float64 array
        Centres (y, x) in pixels.
    areas : (n,) float64 array
        Pixels, at least 1.
    is_at_border : (n,) bool array
        Whether the object lies within a quarter of its diameter of the plane's edge,
        where objects enter and leave.
    features : (n, c) float64 array or None
        Mask-pooled image embedding of each object, of length 1.
    """

    mask_set: MaskSet
    centroids: FloatArray
    areas: FloatArray
    is_at_border: BoolArray
    features: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.areas)

    @property
    def diameters(self) -> FloatArray:
        """Diameters of the circles of the same areas, (n,), pixels."""
        diameters: FloatArray = np.sqrt(4 * self.areas / np.pi)
        return diameters

    def select(self, index: npt.NDArray[np.intp]) -> "FrameObjects":
        """Return some of the objects."""
        return FrameObjects(
            self.mask_set.select(index),
            self.centroids[index],
            self.areas[index],
            self.is_at_border[index],
            None if self.features is None else self.features[index],
        )


def measure(
    mask_set: MaskSet, features: npt.NDArray[np.floating] | None = None
) -> FrameObjects:
    """Measure the objects of one frame.

    Parameters
    ----------
    mask_set : MaskSet
        n objects.
    features : (n, c) array, optional
        Mask-pooled image embedding of each object.
    """
    boxes = np.asarray(mask_set.boxes, dtype=np.float64).reshape(-1, 4)
    areas = np.maximum(np.asarray(mask_set.areas, dtype=np.float64), 1.0)
    centroids = np.asarray(mask_set.centroids, dtype=np.float64).reshape(-1, 2)
    # An empty mask has no centroid; its box still says where it was.
    centroids = np.where(np.isfinite(centroids), centroids, boxes[:, :2])
    margin = 0.25 * np.sqrt(4 * areas / np.pi)
    height, width = mask_set.shape
    is_at_border = (
        (boxes[:, :2] <= margin[:, None]).any(axis=1)
        | (boxes[:, 2] >= height - margin)
        | (boxes[:, 3] >= width - margin)
    )
    unit = None
    if features is not None:
        raw = np.asarray(features, dtype=np.float64).reshape(len(areas), -1)
        norm = np.linalg.norm(raw, axis=1, keepdims=True)
        unit = raw / np.where(norm > 0, norm, 1.0)
    return FrameObjects(mask_set, centroids, areas, is_at_border, unit)
