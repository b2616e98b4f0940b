"""Which of many decoded masks are worth upscaling, told at low resolution."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from napari_segment_anything.engine.model_tensors import sent

# Scores counted at low resolution are up to 0.05 away from those in the plane.
_STABILITY_MARGIN = 0.1
_MASKS_TOGETHER = 4


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
        scores = iou.float().cpu().numpy()
        prompt, alternative = np.nonzero(scores >= iou_floor)
        # A CPU compares few masks at a time: all of a batch take tens of megabytes,
        # and leave holes in the memory of a long job.
        n_together = _MASKS_TOGETHER if logits.device.type == "cpu" else len(prompt)
        ratios = [iou.new_zeros(0, dtype=torch.float32)]
        for start in range(0, len(prompt), max(1, n_together)):
            part = slice(start, start + n_together)
            masks = _picked(logits, prompt[part], alternative[part])
            n_high = _above(masks, offset).sum((-2, -1))
            n_low = _above(masks, -offset).sum((-2, -1)).clamp(min=1)
            ratios.append((n_high / n_low).float())
        is_stable = torch.cat(ratios) >= stability_floor - _STABILITY_MARGIN
        stable = np.flatnonzero(is_stable.cpu().numpy())
        prompt, alternative = prompt[stable], alternative[stable]
        return cls(
            prompt, scores[prompt, alternative], _picked(logits, prompt, alternative)
        )


def _picked(
    logits: torch.Tensor,
    prompt: npt.NDArray[np.int64],
    alternative: npt.NDArray[np.int64],
) -> torch.Tensor:
    """Return some masks (n, L, L) of logits (N, M, L, L)."""
    places = sent(prompt * logits.shape[1] + alternative, logits.device)
    return logits.flatten(0, 1).index_select(0, places)


def weighed_with_foreground(
    iou: torch.Tensor,
    logits: torch.Tensor,
    foreground: npt.NDArray[np.float32],
    weight: float,
) -> torch.Tensor:
    """Predicted IoU (N, M) in which the foreground inside of masks has a weight.

    Parameters
    ----------
    iou : Tensor
        (N, M) as the decoder predicts them.
    logits : Tensor
        (N, M, L, L) of the masks.
    foreground : ndarray
        (l_h, l_w) probabilities of the proposal head.
    weight : float
        Of `mean_foreground`, 0..1; the rest is the decoder's.
    """
    seen = torch.from_numpy(foreground).to(logits.device)
    return (1 - weight) * iou + weight * mean_foreground(seen, logits, iou)


def mean_foreground(
    foreground: torch.Tensor, logits: torch.Tensor, iou: torch.Tensor
) -> torch.Tensor:
    """Mean probability (N, 1) of an object inside of each prompt's surest mask.

    A second estimate of how good masks are, by the proposal head: those of ground, and
    of objects that reach far into it, have a low one. It is one for all masks of a
    prompt: among them the smallest would have the highest.

    Parameters
    ----------
    foreground : Tensor
        (l_h, l_w) at low resolution, on the device of the logits.
    logits : Tensor
        (N, M, L, L), of which the upper left part covers the foreground.
    iou : Tensor
        (N, M) as the decoder predicts them.
    """
    height, width = foreground.shape
    surest = torch.arange(len(iou), device=iou.device), iou.argmax(1)
    masks = _above(logits[surest][:, :height, :width], 0).flatten(1)
    inside = masks @ foreground.flatten().to(masks.dtype)
    return (inside / masks.sum(1).clamp(min=1))[:, None]


def _above(logits: torch.Tensor, threshold: float) -> torch.Tensor:
    """1 where logits exceed a threshold, else 0, in their own type.

    A CPU adds up booleans several times as slowly.
    """
    return torch.gt(logits, threshold, out=torch.empty_like(logits))
