"""The search for objects in one crop of a plane: points in, masks above floors out."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.coded_masks import CodedMasks
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.engine.mask_logits import stable_mask_in_plane
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.point_grid import build_layer_grids, points_in_plane
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.engine.searched_plane import Crop
from napari_segment_anything.engine.tiling import touches_inner_edge

FloatArray = npt.NDArray[np.float32]

# Scores counted at low resolution are up to 0.05 away from those in the plane.
_LOW_RES_STABILITY_MARGIN = 0.1
# A CPU gains nothing from more, and their logits would fill its memory.
_POINTS_TOGETHER_ON_CPU = 16


@dataclass(frozen=True, eq=False)
class CropPrompts:
    """Points (n, 2) at which a crop is prompted, as (y, x) in plane pixels.

    With a proposal head, ``regions`` (l_h, l_w) holds ``region_ids[i]`` where
    low-resolution pixels of the crop point to the centre that point i stands for.
    """

    points: FloatArray
    region_ids: npt.NDArray[np.int32]
    regions: npt.NDArray[np.int32] | None = None

    @classmethod
    def create(
        cls,
        embedding: ImageEmbedding,
        crop: Crop,
        predictor: MaskPredictor,
        settings: AutomaticSettings,
    ) -> "CropPrompts":
        """Prompt what the proposal head sees, or the grid of the crop's layer."""
        proposals = predictor.propose(embedding) if settings.use_proposals else None
        regions = None
        if proposals is not None:
            points = proposals.prompt_points(settings.proposal_thresh)
            regions = proposals.regions(points)
        else:
            grid = build_layer_grids(
                settings.points_per_side,
                crop.layer,
                settings.crop_n_points_downscale_factor,
            )[crop.layer]
            points = points_in_plane(grid, embedding.plane_shape).astype(np.float32)
        corner = np.asarray(crop.box[:2], np.float32)
        return cls(points + corner, np.arange(1, len(points) + 1, dtype="i4"), regions)

    def __len__(self) -> int:
        return len(self.points)

    def select(self, index: slice | npt.NDArray[np.bool_]) -> "CropPrompts":
        """Return some of the prompts."""
        return CropPrompts(self.points[index], self.region_ids[index], self.regions)


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
        found = [MaskSet.empty(self.shape)]
        cut_boxes: list[Box] = []
        # Once for all batches, instead of a copy to the device with each.
        embedding = embedding.to(self.predictor.device)
        size = self.settings.points_per_batch
        is_on_cpu = self.predictor.device.type == "cpu"
        if is_on_cpu:
            size = min(size, _POINTS_TOGETHER_ON_CPU)
        starts = range(0, len(prompts), size)
        batches = [prompts.select(slice(start, start + size)) for start in starts]
        ahead: tuple[torch.Tensor, torch.Tensor] | None = None
        for i, batch in enumerate(batches):
            logits, iou = ahead or self._decode(embedding, crop, batch)
            promising = self._promising(
                logits, self._with_agreement(logits, iou, batch)
            )
            ahead = None
            del logits, iou
            if not is_on_cpu and i + 1 < len(batches):
                # A card decodes the next batch while the CPU upscales these masks.
                ahead = self._decode(embedding, crop, batches[i + 1])
            masks, cut = self._in_plane(embedding, crop, batch, promising)
            found.append(masks)
            cut_boxes += cut
            yield (i + 1) / len(batches)
        return MaskSet.concatenate(found), cut_boxes

    def _decode(
        self, embedding: ImageEmbedding, crop: Crop, batch: CropPrompts
    ) -> tuple[torch.Tensor, torch.Tensor]:
        points = batch.points - np.asarray(crop.box[:2], np.float32)
        prompts = Prompts(points[:, np.newaxis], np.ones((len(points), 1), np.int64))
        # What agrees with the proposal head may pass with a lower score, and a card
        # would have to wait for the scores.
        is_agreement_counted = self._is_agreement_counted(batch)
        on_cpu = self.predictor.device.type == "cpu"
        floor = self.pred_iou_floor if on_cpu and not is_agreement_counted else None
        return self.predictor.decode(embedding, prompts, iou_floor=floor)

    def _in_plane(
        self,
        embedding: ImageEmbedding,
        crop: Crop,
        batch: CropPrompts,
        promising: tuple[npt.NDArray[np.intp], FloatArray, FloatArray],
    ) -> tuple[MaskSet, list[Box]]:
        """Upscale the promising masks of a batch; keep those that are stable."""
        top, left = crop.box[:2]
        chosen, low_res, scores = promising
        kept = [MaskSet.empty(self.shape)]
        cut_boxes: list[Box] = []
        max_area = self.settings.max_area_fraction * self.shape[0] * self.shape[1]
        for which, mask_logits, score in zip(chosen, low_res, scores, strict=True):
            found = stable_mask_in_plane(
                mask_logits,
                embedding.geometry,
                offset=self.settings.stability_score_offset,
            )
            if found is None or found[2] < self.stability_floor:
                continue
            (y0, x0, y1, x1), mask, stability = found
            if np.count_nonzero(mask) > max_area:
                continue
            box = (y0 + top, x0 + left, y1 + top, x1 + left)
            if touches_inner_edge(box, crop.box, self.shape, crop.edge_tolerance):
                cut_boxes.append(box)
            else:
                # Each at once: many masks of a large plane are more than the memory.
                point = batch.points[which]
                kept.append(self._coded(box, mask, score, stability, point))
        return MaskSet.concatenate(kept), cut_boxes

    def _coded(
        self,
        box: Box,
        mask: npt.NDArray[np.bool_],
        predicted_iou: float,
        stability: float,
        point: FloatArray,
    ) -> MaskSet:
        return MaskSet.from_masks(
            self.shape,
            [box],
            CodedMasks.encode([mask]),
            predicted_iou=[predicted_iou],
            stability_score=[stability],
            points=[point],
        )

    def _is_agreement_counted(self, batch: CropPrompts) -> bool:
        return batch.regions is not None and self.settings.proposal_weight != 0

    def _with_agreement(
        self, logits: torch.Tensor, iou: torch.Tensor, batch: CropPrompts
    ) -> torch.Tensor:
        """Mix predicted IoU (N, M) with how well masks agree with the proposal head.

        The head sees the object at a point as a region of its own; the IoU of mask and
        region is a second estimate of how good the mask is.
        """
        weight = self.settings.proposal_weight
        if batch.regions is None or not self._is_agreement_counted(batch):
            return iou
        height, width = batch.regions.shape
        masks = logits[..., :height, :width] > 0
        regions = torch.from_numpy(batch.regions).to(masks.device)
        ids = torch.from_numpy(batch.region_ids).to(masks.device)
        own = regions == ids[:, None, None]
        shared = (masks & own[:, None]).sum(dim=(-2, -1))
        union = (masks | own[:, None]).sum(dim=(-2, -1))
        return (1 - weight) * iou + weight * shared / union.clamp(min=1)

    def _promising(
        self, logits: torch.Tensor, iou: torch.Tensor
    ) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray]:
        """Prompt, logits (L, L) and predicted IoU of masks worth upscaling."""
        prompt, alternative = torch.nonzero(iou >= self.pred_iou_floor, as_tuple=True)
        chosen = logits[prompt, alternative]
        offset = self.settings.stability_score_offset
        n_high = (chosen > offset).sum(dim=(-2, -1))
        n_low = (chosen > -offset).sum(dim=(-2, -1)).clamp(min=1)
        is_stable = n_high / n_low >= self.stability_floor - _LOW_RES_STABILITY_MARGIN
        prompt, alternative = prompt[is_stable], alternative[is_stable]
        return (
            prompt.cpu().numpy(),
            chosen[is_stable].float().cpu().numpy(),
            iou[prompt, alternative].float().cpu().numpy(),
        )
