"""Everything mode: all objects of a plane, without prompts from a person.

Follows the automatic mask generation of Kirillov et al., "Segment Anything", 2023: many
single points, three masks each, filters by predicted IoU and stability, suppression of
duplicates. Points come from a grid, or from the proposal head of a model that has one.
"""

from collections.abc import Generator, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.crop_prompts import CropPrompts
from napari_segment_anything.engine.crop_search import CropSearch
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.parts import RunParts, in_turn, scaled
from napari_segment_anything.engine.predictor import IntensityRange, MaskPredictor
from napari_segment_anything.engine.searched_plane import (
    Crop,
    SearchedPlane,
    plan_crops,
)
from napari_segment_anything.engine.suppression import (
    clean_masks,
    merge_crops,
    without_duplicates,
)
from napari_segment_anything.engine.tiling import (
    boxes_that_meet,
    is_any_uncovered,
    lies_whole_in,
    points_shown_best,
)

__all__ = ["AutomaticMaskGenerator", "AutomaticSettings"]

T = TypeVar("T")

# Candidates serve thresholds that a user may choose later, but not the hopeless ones.
_PRED_IOU_FLOOR = 0.2
_STABILITY_FLOOR = 0.3


class AutomaticMaskGenerator:
    """Finds all objects of a plane.

    Parameters
    ----------
    predictor : MaskPredictor
        Encodes and decodes.
    settings : AutomaticSettings, optional
        By default those for the predictor's model.
    run_parts : RunParts, optional
        Does the batches of prompts of a plane, by default one after the other.
    """

    def __init__(
        self,
        predictor: MaskPredictor,
        settings: AutomaticSettings | None = None,
        *,
        run_parts: RunParts = in_turn,
    ) -> None:
        self.predictor = predictor
        self.run_parts = run_parts
        self.settings = settings or AutomaticSettings.for_model(predictor.config)

    def generate(
        self,
        image: npt.ArrayLike | None,
        *,
        intensity_range: IntensityRange | None = None,
        embedding: ImageEmbedding | None = None,
    ) -> MaskSet:
        """Find the objects of a plane.

        Parameters
        ----------
        image : array-like or None
            (H, W) or (H, W, 3); None is enough where the embedding is given and neither
            crops nor tiles are searched.
        intensity_range : tuple of float, optional
            As for `MaskPredictor.embed`; one range serves the plane and its tiles.
        embedding : ImageEmbedding, optional
            Of the whole plane, if it is at hand.

        Returns
        -------
        MaskSet
            What passed thresholds and suppression, best predicted IoU first; the masks
            are run-length coded.

        Raises
        ------
        InvalidImageError
            When the image is empty, not made of real numbers, or missing.
        """
        plane = SearchedPlane.create(image, embedding, intensity_range)
        return _drive(self.steps(plane))

    def candidates(
        self,
        image: npt.ArrayLike | None,
        *,
        intensity_range: IntensityRange | None = None,
        embedding: ImageEmbedding | None = None,
    ) -> MaskSet:
        """Find everything that `filter` may keep under other thresholds.

        All masks of each prompt above a low floor, duplicates included. Masks of one
        prompt share their row in ``points``. Arguments as for `generate`.
        """
        plane = SearchedPlane.create(image, embedding, intensity_range)
        return _drive(self.steps(plane, keep_candidates=True))

    def filter(self, candidates: MaskSet) -> MaskSet:
        """Apply thresholds and suppression to candidates, without the model.

        Duplicates from several crops are compared by predicted IoU.
        """
        settings = self.settings
        max_area = settings.max_area_fraction * np.prod(candidates.shape)
        masks = candidates.select(
            (candidates.predicted_iou >= settings.pred_iou_thresh)
            & (candidates.stability_score >= settings.stability_score_thresh)
        )
        masks = masks.select(masks.areas <= max_area)
        kept = without_duplicates(masks, settings)
        return clean_masks(masks.select(kept), settings)

    def steps(
        self, plane: SearchedPlane, *, keep_candidates: bool = False
    ) -> Generator[float, None, MaskSet]:
        """As `generate` or `candidates`, one batch of prompts at a time.

        Yields
        ------
        float
            Part of the work that is done, 0..1, after each batch of prompts. Closing
            the generator there cancels the search.

        Returns
        -------
        MaskSet
            The objects, or with ``keep_candidates`` the candidates.
        """
        crops = [Crop((0, 0, *plane.shape), 0)]
        if plane.pixels is not None:
            scale = plane.scale(self.predictor, self.settings)
            frame_size = self.predictor.frame_size
            crops = plan_crops(plane.shape, frame_size, self.settings, scale)
        search = self._search(plane.shape, keep_candidates)
        is_tiled = crops[0].layer > 0
        found: list[MaskSet] = []
        cut_boxes: list[Box] = []
        for position, crop in enumerate(crops):
            embedding = plane.embed(crop, self.predictor)
            prompts = self._prompts(embedding, crop)
            if is_tiled:
                is_own = self._belongs_to(crop, crops, prompts.points, plane.shape)
                prompts = prompts.select(is_own)
            run = search.run(embedding, crop, prompts)
            masks, cut = yield from scaled(run, position, len(crops))
            if not keep_candidates:
                masks = masks.select(without_duplicates(masks, self.settings))
            found.append(masks)
            cut_boxes += cut
        if is_tiled and is_any_uncovered(
            cut_boxes, np.concatenate([masks.boxes for masks in found])
        ):
            masks = self._too_large_for(crops, plane, search)
            if not keep_candidates:
                masks = masks.select(without_duplicates(masks, self.settings))
            found.append(masks)
        if keep_candidates:
            return MaskSet.concatenate(found)
        crop_boxes = [] if is_tiled else [crop.box for crop in crops]
        merged = merge_crops(found, crop_boxes, self.settings.crop_nms_thresh)
        return clean_masks(merged, self.settings)

    def _search(self, shape: tuple[int, int], keep_candidates: bool) -> CropSearch:
        iou, stability = (
            self.settings.pred_iou_thresh,
            self.settings.stability_score_thresh,
        )
        if keep_candidates:
            iou = min(iou, _PRED_IOU_FLOOR)
            stability = min(stability, _STABILITY_FLOOR)
        return CropSearch(
            self.predictor, self.settings, shape, iou, stability, self.run_parts
        )

    def _prompts(self, embedding: ImageEmbedding, crop: Crop) -> CropPrompts:
        return CropPrompts.create(embedding, crop, self.predictor, self.settings)

    def _belongs_to(
        self,
        tile: Crop,
        tiles: Sequence[Crop],
        points: npt.NDArray[np.floating],
        shape: tuple[int, int],
    ) -> npt.NDArray[np.bool_]:
        """Which points a tile is to prompt rather than one of its neighbours."""
        y0, x0, y1, x1 = tile.box
        slack = self.settings.tile_overlap * max(y1 - y0, x1 - x0) / 4
        neighbours = boxes_that_meet(tile.box, [other.box for other in tiles])
        return points_shown_best(points, tile.box, neighbours, shape, slack)

    def _too_large_for(
        self, tiles: Sequence[Crop], plane: SearchedPlane, search: CropSearch
    ) -> MaskSet:
        """Masks of the whole plane that no tile shows whole."""
        whole = Crop((0, 0, *plane.shape), 0)
        embedding = plane.embed(whole, self.predictor)
        prompts = self._prompts(embedding, whole)
        masks, _ = _drive(search.run(embedding, whole, prompts))
        is_new = [
            not any(
                lies_whole_in(tuple(box), tile.box, plane.shape, tile.edge_tolerance)
                for tile in tiles
            )
            for box in masks.boxes.tolist()
        ]
        return masks.select(np.flatnonzero(is_new))


def _drive(run: Generator[float, None, T]) -> T:
    while True:
        try:
            next(run)
        except StopIteration as stop:
            result: T = stop.value
            return result
