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


def mean_foreground(foreground: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Mean probability (N, M) of being an object, inside of masks.

    A second estimate of how good they are, by the proposal head: masks of ground, and
    of objects that reach far into it, have a low one.

    Parameters
    ----------
    foreground : Tensor
        (l_h, l_w) at low resolution, on the device of the logits.
    logits : Tensor
        (N, M, L, L), of which the upper left part covers the foreground.
    """
    height, width = foreground.shape
    masks = _above(logits[..., :height, :width], 0).flatten(2)
    inside = masks @ foreground.flatten().to(masks.dtype)
    return inside / masks.sum(2).clamp(min=1)


def _above(logits: torch.Tensor, threshold: float) -> torch.Tensor:
    """1 where logits exceed a threshold, else 0, in their own type.

    A CPU adds up booleans several times as slowly.
    """
    return torch.gt(logits, threshold, out=torch.empty_like(logits))
