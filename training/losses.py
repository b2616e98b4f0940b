"""Losses of masks, predicted IoU and dense heads."""

from torch import Tensor
from torch.nn import functional

from .targets import Targets


def mask_losses(logits: Tensor, truth: Tensor, dice_weight: float) -> Tensor:
    """Loss of each mask, (N, M), of logits (N, M, h, w) against truth (N, h, w).

    Cross-entropy, half of it balanced between object and ground, plus dice: with focal
    and dice alone, masks of small objects collapse to nothing and stay there.
    """
    truth = truth[:, None].expand_as(logits)
    entropy = functional.binary_cross_entropy_with_logits(
        logits, truth, reduction="none"
    )
    area = truth.sum((-2, -1))
    n_ground = truth.shape[-1] * truth.shape[-2] - area
    inside = (entropy * truth).sum((-2, -1))
    outside = (entropy * (1 - truth)).sum((-2, -1))
    balanced = inside / area.clamp(min=1) + outside / n_ground.clamp(min=1)
    # Errors in units of the object's area keep pressure on the ground; bounded below,
    # or the smallest objects drown the others.
    per_area = (inside + outside) / area.clamp(min=100)
    probability = logits.sigmoid()
    overlap = (probability * truth).sum((-2, -1))
    dice = 1 - (2 * overlap + 1) / (probability.sum((-2, -1)) + area + 1)
    return balanced + dice_weight * (dice + 0.3 * per_area)


def intersection_over_union(logits: Tensor, truth: Tensor) -> Tensor:
    """IoU (N, M) of thresholded logits (N, M, h, w) with truth (N, h, w)."""
    found = logits > 0
    expected = truth[:, None] > 0.5
    overlap = (found & expected).sum((-2, -1))
    union = (found | expected).sum((-2, -1))
    return overlap / union.clamp(min=1)


def dense_losses(maps: Tensor, truth: Targets, inside: Tensor) -> Tensor:
    """Loss of the proposal head's maps (B, 5, h, w); ``inside`` (B, h, w) counts."""
    entropy = functional.binary_cross_entropy_with_logits
    foreground = entropy(maps[:, 0], truth.foreground, weight=inside)
    boundary = entropy(
        maps[:, 1], truth.boundary, weight=inside, pos_weight=maps.new_tensor(3.0)
    )
    centre = entropy(maps[:, 2], truth.centre, weight=inside * (1 + 4 * truth.centre))
    offset = _offset_loss(maps[:, 3:], truth.offset, truth.weight)
    return foreground + boundary + centre + offset


def token_losses(
    maps: Tensor, foreground: Tensor, offset: Tensor, weight: Tensor
) -> Tensor:
    """Loss of the centre encoding's maps (B, 3, h, w), in tokens."""
    entropy = functional.binary_cross_entropy_with_logits(maps[:, 0], foreground)
    return entropy + _offset_loss(maps[:, 1:], offset, weight)


def _offset_loss(maps: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
    error = (maps - offset).abs().sum(1) * weight
    return 2 * error.sum() / (weight > 0).sum().clamp(min=1)
