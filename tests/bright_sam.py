"""A stand-in for a trained model: it segments what is bright, and counts its work."""

from dataclasses import replace

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional

from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.networks.config import CONFIGS

_SURE = 8.0


class BrightSam(torch.nn.Module):
    """Has the methods of `Sam`. Its embedding is the image itself, its masks are the
    connected regions brighter than the middle of the intensity range."""

    def __init__(self):
        super().__init__()
        self.config = replace(CONFIGS["tiny"], name="bright")
        self.n_encoded = 0
        self.n_decoded = 0

    def encode(self, images):
        self.n_encoded += len(images)
        side = self.config.image_size
        height, width = images.shape[-2:]
        grey = images.float().mean(dim=1, keepdim=True)
        padded = functional.pad(grey, (0, side - width, 0, side - height))
        low_res = functional.interpolate(padded, size=(self.config.low_res_size,) * 2)
        return functional.pixel_unshuffle(low_res, 4)

    def _regions(self, embedding):
        low_res = functional.pixel_shuffle(embedding, 4)[0, 0].numpy()
        return ndimage.label(low_res > 127)

    def decode(
        self,
        embedding,
        *,
        points_xy=None,
        point_labels=None,
        boxes_xyxy=None,
        masks=None,
        multimask=True,
        maps=None,
        iou_floor=None,
    ):
        self.n_decoded += 1
        regions, _ = self._regions(embedding)
        scale = self.config.low_res_size / self.config.image_size
        n = len(points_xy) if points_xy is not None else len(boxes_xyxy)
        logits = torch.full((n, 3 if multimask else 1, *regions.shape), -_SURE)
        iou = torch.zeros(logits.shape[:2])
        last = regions.shape[0] - 1
        for i in range(n):
            if boxes_xyxy is not None:
                corners = (boxes_xyxy[i].numpy() * scale).clip(0, last).astype(int)
                x0, y0, x1, y1 = corners
                inside = regions[y0 : y1 + 1, x0 : x1 + 1]
            else:
                x, y = (points_xy[i, 0].numpy() * scale).clip(0, last).astype(int)
                inside = regions[y : y + 1, x : x + 1]
            found = np.bincount(inside[inside > 0].ravel())
            if len(found):
                logits[i, :, torch.from_numpy(regions == found.argmax())] = _SURE
                iou[i] = torch.tensor([0.95, 0.9, 0.85])[: iou.shape[1]]
        return logits, iou

    def propose(self, embedding):
        regions, n_regions = self._regions(embedding)
        maps = torch.full((1, 5, *regions.shape), -_SURE)
        maps[:, 3:] = 0
        maps[0, 0][torch.from_numpy(regions > 0)] = _SURE
        y, x = np.indices(regions.shape)
        centres = ndimage.center_of_mass(regions > 0, regions, range(1, n_regions + 1))
        for number, (cy, cx) in enumerate(centres, start=1):
            region = torch.from_numpy(regions == number)
            maps[0, 2, round(cy), round(cx)] = _SURE
            maps[0, 3][region] = torch.from_numpy((cy - y)[regions == number]).float()
            maps[0, 4][region] = torch.from_numpy((cx - x)[regions == number]).float()
        return maps


def bright_predictor():
    """A predictor that segments bright objects on a dark ground."""
    return MaskPredictor(
        BrightSam(), device="cpu", model_digest="b" * 64, model_name="bright"
    )


def work_of(predictor):
    """Images encoded and batches decoded so far."""
    return predictor._sam.n_encoded, predictor._sam.n_decoded
