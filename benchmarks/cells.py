"""Cells that are found where a plane is prompted, as trained weights would find them.

Masks of random weights are large and in many pieces, with thousands of run lengths
each, so that to code, store and filter them takes far longer than masks of cells do.
Here each point shows the cell of a grid that it lies in: a part of it, the cell, and
the cell with what is around.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import torch
from torch import Tensor

from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.placed_sam import PlacedSam
from napari_segment_anything.networks.config import SamConfig

N_PER_SIDE = 12
# Parts of the frame's side, and what is thought of such masks.
_RADII = 0.010, 0.0215, 0.033
_PREDICTED_IOU = 0.6, 0.9, 0.5
# Of a cell's radius: by so much masks shrink as the threshold rises by 1.
_SOFTNESS = 0.03


def cell_settings(points_per_side: int) -> AutomaticSettings:
    """Thresholds that the cells pass, and none of their other masks."""
    return AutomaticSettings(
        points_per_side=points_per_side,
        use_proposals=False,
        tile=False,
        pred_iou_thresh=0.8,
        stability_score_thresh=0.8,
    )


def cell_logits(config: SamConfig, device: torch.device | None = None) -> Tensor:
    """Logits (144, 3, L, L) of the masks of all cells of a frame."""
    side, stride = config.low_res_size, config.low_res_stride
    step = config.image_size / N_PER_SIDE
    pixels = (torch.arange(side, device=device) + 0.5) * stride
    centres = (torch.arange(N_PER_SIDE, device=device) + 0.5) * step
    numbers = torch.arange(N_PER_SIDE**2, device=device)
    dy = (pixels - centres[numbers // N_PER_SIDE, None])[:, :, None]
    dx = (pixels - centres[numbers % N_PER_SIDE, None])[:, None, :]
    # No two cells are alike.
    phase = (numbers * 2.4)[:, None, None]
    angle = torch.atan2(dy, dx)
    wobble = 1 + 0.1 * torch.cos(3 * angle + phase) + 0.05 * torch.cos(7 * angle)
    radii = wobble[:, None] * torch.tensor(_RADII, device=device)[:, None, None]
    distance = torch.hypot(dy, dx)[:, None]
    return (radii - distance / config.image_size) / (_SOFTNESS * _RADII[1])


def cells_at(points_xy: Tensor, config: SamConfig) -> Tensor:
    """Numbers (N,) of the cells that points (N, P, 2) of a frame begin in."""
    step = config.image_size / N_PER_SIDE
    x, y = (points_xy[:, 0] / step).long().clamp(0, N_PER_SIDE - 1).unbind(1)
    return y * N_PER_SIDE + x


def iou_of(points_xy: Tensor) -> Tensor:
    """Predicted IoUs (N, 3) of the masks of points, for no two points the same."""
    best = torch.tensor(_PREDICTED_IOU, device=points_xy.device)
    better = (points_xy * 1e-5).sum((1, 2))
    return best + better[:, None]


@contextmanager
def decoded_to_cells(config: SamConfig, device: torch.device) -> Iterator[None]:
    """Have prompts decoded as ever, which takes its time, and then show cells."""
    logits, decode = cell_logits(config, device), PlacedSam.decode

    def shown(
        placed: PlacedSam, embedding: Tensor, **prompts: Tensor
    ) -> tuple[Tensor, Tensor]:
        decode(placed, embedding, **prompts)
        points = prompts["points_xy"]
        return logits.to(points.device)[cells_at(points, config)], iou_of(points)

    with mock.patch.object(PlacedSam, "decode", shown):
        yield
