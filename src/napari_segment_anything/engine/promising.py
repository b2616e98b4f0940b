"""Which of many decoded masks are worth upscaling, told at low resolution."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

# Scores counted at low resolution are up to 0.05 away from those in the plane.
_STABILITY_MARGIN = 0.1


@dataclass(frozen=True, eq=False)
class Promising:
    """Masks of a batch of prompts that may reach the floors.

    ``prompts`` (n,) are positions in the batch, ``scores`` (n,) predicted IoUs;
    ``logits`` (n, L, L) stay on the device.
    """

    prompts: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    logits: torch.Tensor

    @classmethod
    def among(
        cls,
        logits: torch.Tensor,
        iou: torch.Tensor,
        *,
        iou_floor: float,
        stability_floor: float,
        offset: float,
    ) -> "Promising":
        """Filter logits (N, M, L, L) by predicted IoU (N, M) and stability."""
        prompt, alternative = torch.nonzero(iou >= iou_floor, as_tuple=True)
        chosen = logits[prompt, alternative]
        n_high = _above(chosen, offset).sum((-2, -1))
        n_low = _above(chosen, -offset).sum((-2, -1)).clamp(min=1)
        is_stable = n_high / n_low >= stability_floor - _STABILITY_MARGIN
        prompt, alternative = prompt[is_stable], alternative[is_stable]
        return cls(
            prompt.cpu().numpy(),
            iou[prompt, alternative].float().cpu().numpy(),
            chosen[is_stable],
        )


def agreement_with(
    regions: npt.NDArray[np.int32],
    ids: npt.NDArray[np.int32],
    logits: torch.Tensor,
) -> torch.Tensor:
    """IoU (N, M) of each prompt's masks with the region that has its id.

    The proposal head sees the object at a point as a region of its own: how well masks
    agree with it is a second estimate of how good they are.

    Parameters
    ----------
    regions : ndarray
        (l_h, l_w) ids at low resolution.
    ids : ndarray
        (N,) of the prompts.
    logits : Tensor
        (N, M, L, L), of which the upper left part covers the regions.
    """
    height, width = regions.shape
    masks = _above(logits[..., :height, :width], 0).flatten(2)
    on_device = torch.from_numpy(regions).to(masks.device).flatten()
    own = on_device == torch.from_numpy(ids).to(masks.device)[:, None]
    own = own.to(masks.dtype)[..., None]
    shared = masks @ own
    union = masks.sum(2, keepdim=True) + own.sum(1, keepdim=True) - shared
    return (shared / union.clamp(min=1))[..., 0]


def _above(logits: torch.Tensor, threshold: float) -> torch.Tensor:
    """1 where logits exceed a threshold, else 0, in their own type.

    A CPU adds up booleans several times as slowly.
    """
    return torch.gt(logits, threshold, out=torch.empty_like(logits))
