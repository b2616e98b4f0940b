"""A model that knows the truth: it answers each prompt with the object that lies there.

Encoding keeps the red channel at low resolution; ids of objects are written into it by
the test image itself, so the fake needs no weights and works for every crop.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class FakeConfig:
    image_size: int = 128
    has_proposal_head: bool = True
    low_res_size: int = 64


class FakeSam(nn.Module):
    """Answers with the object at the prompt, its neighbourhood and nothing.

    Images hold ``10 * id`` where object ``id`` lies, so up to 25 objects.
    ``predicted_iou`` are those of the three answers.
    """

    def __init__(self, has_proposals=True, predicted_iou=(0.95, 0.4, 0.1)):
        super().__init__()
        self.config = FakeConfig(has_proposal_head=has_proposals)
        self.predicted_iou = predicted_iou
        self.n_encoded = 0
        self.n_prompts = 0

    def encode(self, images):
        self.n_encoded += len(images)
        side = self.config.image_size
        height, width = images.shape[-2:]
        frame = functional.pad(
            images[:, :1].float(), (0, side - width, 0, side - height)
        )
        return functional.interpolate(frame, size=(64, 64), mode="nearest-exact")

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
        ids = self.objects_in(embedding[0, 0])
        low_res_xy = (points_xy[:, 0] + 0.5) / 2 - 0.5
        x, y = torch.round(low_res_xy).long().clamp(0, 63).T
        self.n_prompts += len(x)
        chosen = ids[y, x]
        is_object = (ids[None] == chosen[:, None, None]) & (chosen[:, None, None] > 0)
        # Steep, so that even small objects are stable.
        whole = torch.where(is_object, 80.0, -80.0)
        wider = functional.max_pool2d(whole[:, None], 7, 1, 3)[:, 0]
        nothing = torch.full_like(whole, -80.0)
        logits = torch.stack([whole, wider, nothing], dim=1)
        iou = torch.tensor(self.predicted_iou).repeat(len(x), 1)
        if not multimask:
            return logits[:, :1], iou[:, :1]
        return logits, iou

    def propose(self, embedding):
        objects = [self.objects_in(e[0]).numpy() for e in embedding]
        return torch.from_numpy(np.stack([maps_of_labels(ids) for ids in objects]))

    @staticmethod
    def objects_in(values):
        """Ids without the rims, where resizing mixed two values into a third."""
        is_pure = (values % 10 < 0.5) | (values % 10 > 9.5)
        ids = torch.round(values / 10)[None]
        highest = functional.max_pool2d(ids, 3, 1, 1)
        lowest = -functional.max_pool2d(-ids, 3, 1, 1)
        is_rim = (highest > ids) & (lowest < ids)
        return torch.where(is_pure & ~is_rim, ids, 0.0)[0]


def maps_of_labels(labels):
    """What a perfect proposal head gives for labels (h, w): (5, h, w) raw maps."""
    labels = labels.astype(int)
    y, x = np.indices(labels.shape)
    offsets = np.zeros((2, *labels.shape), np.float32)
    heat = np.zeros(labels.shape)
    for number, slices in enumerate(ndimage.find_objects(labels), start=1):
        if slices is None:
            continue
        is_object = labels == number
        cy, cx = y[is_object].mean(), x[is_object].mean()
        offsets[:, is_object] = np.stack([cy - y, cx - x])[:, is_object]
        sigma = max(1.0, 0.24 * np.sqrt(is_object.sum() / np.pi))
        bump = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * sigma**2))
        heat = np.maximum(heat, bump * is_object)
    boundary = ndimage.maximum_filter(labels, 3) != ndimage.minimum_filter(labels, 3)
    heat = np.clip(heat, 1e-4, 1 - 1e-4)
    return np.stack(
        [
            np.where(labels > 0, 6.0, -6.0),
            np.where(boundary & (labels > 0), 6.0, -6.0),
            np.log(heat / (1 - heat)),
            *offsets,
        ]
    ).astype(np.float32)
