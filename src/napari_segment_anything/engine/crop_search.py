"""The search for objects in one crop of a plane: points in, masks above floors out."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.beside import answered_ahead
from napari_segment_anything.engine.card_masks import (
    stable_masks_that_fit,
    upscales_on,
)
from napari_segment_anything.engine.coded_masks import CodedMasks
from napari_segment_anything.engine.crop_prompts import CropPrompts
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.engine.mask_logits import stable_mask_in_plane
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.parts import RunParts, in_turn
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.promising import Promising, weighed_with_foreground
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.engine.searched_plane import Crop
from napari_segment_anything.engine.tiling import touches_inner_edge

FloatArray = npt.NDArray[np.float32]

# A CPU gains nothing from more, and their logits would fill its memory.
_POINTS_TOGETHER_ON_CPU = 8


@dataclass(frozen=True, eq=False)
class CropSearch:
    """Decodes points in batches and keeps the masks above two floors.

    ``cut_boxes`` of the result are those of masks that an edge of the crop cuts: they
    are shown whole elsewhere.
    """

    predictor: MaskPredictor
    settings: AutomaticSettings
    shape: tuple[int, int]
    pred_iou_floor: float
    stability_floor: float
    run_parts: RunParts = in_turn

    def run(
        self, embedding: ImageEmbedding, crop: Crop, prompts: CropPrompts
    ) -> Generator[float, None, tuple[MaskSet, list[Box]]]:
        """Search one crop.

        Parameters
        ----------
        embedding : ImageEmbedding
            Of the crop.
        crop : Crop
            Where it lies.
        prompts : CropPrompts
            Where to look.

        Yields
        ------
        float
            Part of the points that are done, after each batch.

        Returns
        -------
        tuple
            The masks, run-length coded, and boxes (plane pixels) of those that are
            cut.
        """
        # Once for all batches, instead of a copy to the device with each.
        embedding = embedding.to(self.predictor.device)
        is_on_cpu = self.predictor.device.type == "cpu"
        size = self.settings.points_per_batch
        if is_on_cpu:
            size = min(size, _POINTS_TOGETHER_ON_CPU)
        starts = range(0, len(prompts), size)
        batches = [prompts.select(slice(start, start + size)) for start in starts]
        # A card works through all batches by itself.
        parts = [[batch] for batch in batches] if is_on_cpu else [batches]
        searches = [partial(self._search, embedding, crop, part) for part in parts]
        results = yield from self.run_parts(searches)
        found = [MaskSet.empty(self.shape), *(masks for masks, _ in results)]
        return MaskSet.concatenate(found), [box for _, cut in results for box in cut]

    def _search(
        self, embedding: ImageEmbedding, crop: Crop, batches: Sequence[CropPrompts]
    ) -> Generator[float, None, tuple[MaskSet, list[Box]]]:
        """Decode batches of prompts, one after the other."""
        found = [MaskSet.empty(self.shape)]
        cut_boxes: list[Box] = []
        decodings = [partial(self._decode, embedding, crop, batch) for batch in batches]
        with closing(answered_ahead(self.predictor.device, decodings)) as answers:
            for i, batch in enumerate(batches):
                # A card decodes the next batch while these masks are looked at. Nobody
                # holds on to all logits of a batch meanwhile.
                promising = self._promising(*next(answers), batch)
                given = embedding, crop, batch, promising
                masks, cut = self._on_card(*given) or self._in_plane(*given)
                found.append(masks)
                cut_boxes += cut
                yield (i + 1) / len(batches)
        return MaskSet.concatenate(found), cut_boxes

    def _decode(
        self, embedding: ImageEmbedding, crop: Crop, batch: CropPrompts
    ) -> tuple[torch.Tensor, torch.Tensor]:
        points = batch.points - np.asarray(crop.box[:2], np.float32)
        prompts = Prompts(points[:, np.newaxis], np.ones((len(points), 1), np.int64))
        floor = None
        # A card would have to wait for the scores.
        if self.predictor.device.type == "cpu":
            # What the proposal head is sure of may pass with a lower score.
            weight = self._foreground_weight(batch)
            floor = (self.pred_iou_floor - weight) / max(1 - weight, 1e-6)
        return self.predictor.decode(embedding, prompts, iou_floor=floor)

    def _in_plane(
        self,
        embedding: ImageEmbedding,
        crop: Crop,
        batch: CropPrompts,
        promising: Promising,
    ) -> tuple[MaskSet, list[Box]]:
        """Upscale the promising masks of a batch; keep those that are stable."""
        top, left = crop.box[:2]
        kept = [MaskSet.empty(self.shape)]
        cut_boxes: list[Box] = []
        low_res = promising.logits.float().cpu().numpy()
        for which, mask_logits, score in zip(
            promising.prompts, low_res, promising.scores, strict=True
        ):
            found = stable_mask_in_plane(
                mask_logits,
                embedding.geometry,
                offset=self.settings.stability_score_offset,
                order="F",
            )
            if found is None or found[2] < self.stability_floor:
                continue
            (y0, x0, y1, x1), mask, stability = found
            if np.count_nonzero(mask) > self._max_area:
                continue
            box = (y0 + top, x0 + left, y1 + top, x1 + left)
            if touches_inner_edge(box, crop.box, self.shape, crop.edge_tolerance):
                cut_boxes.append(box)
            else:
                # Each at once: many masks of a large plane are more than the memory.
                point = batch.points[which]
                kept.append(
                    MaskSet.from_masks(
                        self.shape,
                        [box],
                        CodedMasks.encode([mask]),
                        predicted_iou=[score],
                        stability_score=[stability],
                        points=[point],
                    )
                )
        return MaskSet.concatenate(kept), cut_boxes

    def _on_card(
        self,
        embedding: ImageEmbedding,
        crop: Crop,
        batch: CropPrompts,
        promising: Promising,
    ) -> tuple[MaskSet, list[Box]] | None:
        """As `_in_plane`, where the logits are; None where it cannot be done there."""
        if not upscales_on(promising.logits.device):
            return None
        stable = stable_masks_that_fit(
            promising.logits,
            embedding.geometry,
            offset=self.settings.stability_score_offset,
            stability_floor=self.stability_floor,
        )
        if stable is None:
            return None
        found = MaskSet.from_masks(
            self.shape,
            stable.boxes + np.tile(crop.box[:2], 2),
            stable.masks,
            predicted_iou=promising.scores[stable.which],
            stability_score=stable.stability,
            points=batch.points[promising.prompts[stable.which]],
        )
        found = found.select(stable.areas <= self._max_area)
        boxes = [tuple(box) for box in found.boxes.tolist()]
        is_cut = np.array(
            [
                touches_inner_edge(box, crop.box, self.shape, crop.edge_tolerance)
                for box in boxes
            ],
            dtype=bool,
        )
        cut_boxes = [box for box, cut in zip(boxes, is_cut, strict=True) if cut]
        return found.select(~is_cut), cut_boxes

    @property
    def _max_area(self) -> float:
        return self.settings.max_area_fraction * self.shape[0] * self.shape[1]

    def _foreground_weight(self, batch: CropPrompts) -> float:
        return 0.0 if batch.foreground is None else self.settings.proposal_weight

    def _promising(
        self, logits: torch.Tensor, iou: torch.Tensor, batch: CropPrompts
    ) -> Promising:
        weight = self._foreground_weight(batch)
        if batch.foreground is not None and weight:
            iou = weighed_with_foreground(iou, logits, batch.foreground, weight)
        return Promising.among(
            logits,
            iou,
            iou_floor=self.pred_iou_floor,
            stability_floor=self.stability_floor,
            offset=self.settings.stability_score_offset,
        )
