"""What everything mode lets pass, decided again without asking the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_segment_anything.engine.automatic_settings import AutomaticSettings
    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.planes import PlaneId

    Identity = tuple[float, ...]


@dataclass(frozen=True)
class ReviewFilter:
    """What an object must be like to be filled in.

    Parameters
    ----------
    min_iou, min_stability : float
        The model's own confidence, 0..1.
    min_area, max_area : int
        In pixels; a largest area of 0 means no limit.
    max_overlap : float
        Part of an object that may lie on a better one, 0..1.
    min_roundness : float
        4π area / perimeter², 1 for a disk, 0..1.
    """

    min_iou: float = 0.5
    min_stability: float = 0.5
    min_area: int = 0
    max_area: int = 0
    max_overlap: float = 0.5
    min_roundness: float = 0.0

    @classmethod
    def for_settings(cls, settings: AutomaticSettings) -> Self:
        """Return what everything mode lets pass by itself."""
        return cls(
            min_iou=settings.pred_iou_thresh,
            min_stability=settings.stability_score_thresh,
            max_overlap=settings.mask_nms_thresh,
        )


@dataclass(frozen=True, eq=False)
class Candidates:
    """Everything that may be an object of one plane.

    Parameters
    ----------
    plane : PlaneId
        The plane.
    masks : MaskSet
        All masks above a low floor, duplicates included.
    settings : AutomaticSettings
        How they were sought.
    model_digest : str
        Digest of the weights that found them.
    """

    plane: PlaneId
    masks: MaskSet
    settings: AutomaticSettings
    model_digest: str

    @property
    def usual_filter(self) -> ReviewFilter:
        """What is filled in first."""
        return ReviewFilter.for_settings(self.settings)

    @property
    def largest(self) -> int:
        """Area of the largest candidate, in pixels."""
        return int(self.masks.areas.max(initial=1))

    def passing(self, chosen: ReviewFilter, before: ReviewFilter | None) -> Passing:
        """Return which objects a filter newly lets pass, and which it holds back.

        Called by a worker: it takes a moment where there are many candidates.
        """
        now = self._objects(chosen)
        known = set() if before is None else set(identities(self._objects(before)))
        all_now = identities(now)
        is_new = np.array([key not in known for key in all_now], dtype=bool)
        return Passing(self, (before, chosen), now.select(is_new), frozenset(all_now))

    def _objects(self, chosen: ReviewFilter) -> MaskSet:
        from napari_segment_anything.engine.labels import disjoint_masks
        from napari_segment_anything.engine.suppression import (
            clean_masks,
            without_duplicates,
        )

        settings = replace(self.settings, mask_nms_thresh=chosen.max_overlap)
        masks = self.masks
        most = settings.max_area_fraction * float(np.prod(masks.shape))
        most = min(most, chosen.max_area or most)
        masks = masks.select(
            (masks.predicted_iou >= chosen.min_iou)
            & (masks.stability_score >= chosen.min_stability)
            & (masks.areas <= most)
        )
        masks = clean_masks(masks.select(without_duplicates(masks, settings)), settings)
        masks = masks.select(masks.areas >= chosen.min_area)
        if chosen.min_roundness > 0:
            is_round = [roundness(m) >= chosen.min_roundness for m in masks.masks]
            masks = masks.select(np.array(is_round, dtype=bool))
        return disjoint_masks(masks)


@dataclass(frozen=True, eq=False)
class Passing:
    """What a filter changes.

    Parameters
    ----------
    candidates : Candidates
        Of the plane.
    filters : tuple of ReviewFilter
        Before (None before everything mode ran) and after.
    new : MaskSet
        Objects that pass now and did not before; none overlap.
    identities : frozenset
        Of all objects that pass now; see `identities`.
    """

    candidates: Candidates
    filters: tuple[ReviewFilter | None, ReviewFilter]
    new: MaskSet
    identities: frozenset[Identity]


def identities(masks: MaskSet) -> list[Identity]:
    """Return what tells each candidate from all others of its plane.

    These are its scores and the point that it was asked for with; pixels may change
    while masks are cleaned.
    """
    rows = np.column_stack([masks.predicted_iou, masks.stability_score, masks.points])
    return [tuple(float(value) for value in row) for row in rows]


def roundness(mask: npt.NDArray[np.bool_]) -> float:
    """Return 4π area / perimeter² of a mask, at most 1; 0 for an empty one."""
    from skimage.measure import perimeter_crofton

    area = np.count_nonzero(mask)
    if area == 0:
        return 0.0
    filled = ndimage.binary_fill_holes(np.pad(mask, 1))
    length = float(perimeter_crofton(filled))  # type: ignore[no-untyped-call]
    return min(1.0, 4 * np.pi * np.count_nonzero(filled) / max(length, 1.0) ** 2)
