"""What the bundled model has beyond SAM: where objects and their centres are.

Both heads are small convolutions on the image embedding. The centre encoding writes
into every token where the centre of its object is, in Fourier features, so that tokens
of one object look alike to the decoder and tokens of its neighbour do not. The proposal
head gives dense maps: everything mode takes its prompts from their peaks, and each
prompt gets a rough mask from them to begin with.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

N_PROPOSAL_CHANNELS = 5


class CentreEncoding(nn.Module):
    """Adds to each token a code of its object's centre.

    Offsets are in tokens. The code's wavelengths are spread from a few tokens to the
    whole frame.
    """

    frequencies: Tensor

    def __init__(self, dim: int, embedding_size: int, n_features: int = 48) -> None:
        super().__init__()
        self.head = nn.Conv2d(dim, 3, 1)
        self.project = nn.Conv2d(2 * n_features, dim, 1)
        # Cycles per token; directions at random, lengths log-uniform.
        angle = torch.rand(n_features) * math.pi
        longest, shortest = math.log(embedding_size), math.log(3.0)
        wavelength = torch.exp(torch.rand(n_features) * (longest - shortest) + shortest)
        direction = torch.stack([angle.sin(), angle.cos()])
        self.register_buffer("frequencies", direction / wavelength)

    def forward(
        self, embedding: Tensor, origins: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the enriched embedding (B, C, h, w) and the maps (B, 3, h, w).

        The maps are an object logit and the offset (dy, dx) to the centre, in tokens.
        ``origins`` (B, 2) are the frame positions of the first tokens, for crops of
        frames.
        """
        maps = self.head(embedding)
        height, width = maps.shape[-2:]
        y = torch.arange(height, device=maps.device, dtype=maps.dtype)[:, None]
        x = torch.arange(width, device=maps.device, dtype=maps.dtype)
        if origins is not None:
            y = y + origins[:, 0, None, None]
            x = x + origins[:, 1, None, None]
        fixed = maps.detach()  # the offsets learn from their own loss alone
        centre = torch.stack([fixed[:, 1] + y, fixed[:, 2] + x], -1)
        phase = 2 * math.pi * (centre @ self.frequencies)
        code = torch.cat([phase.sin(), phase.cos()], -1).permute(0, 3, 1, 2)
        return embedding + self.project(code * fixed[:, :1].sigmoid()), maps


class ProposalHead(nn.Module):
    """Foreground, boundary, centre and offsets, at four times the tokens' resolution.

    Channels: foreground logit, boundary logit, centre logit, offset dy and dx from each
    low-resolution pixel to its object's centre, in low-resolution pixels.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(dim, dim, 3, padding=1)
        self.out = nn.Conv2d(dim, N_PROPOSAL_CHANNELS * 16, 1)

    def forward(self, embedding: Tensor) -> Tensor:
        """Map (B, C, h, w) to (B, 5, 4 h, 4 w)."""
        maps = self.out(functional.gelu(self.mix(embedding)))
        return functional.pixel_shuffle(maps, 4)


_RADIUS = 8.0  # low-resolution pixels by which predictions of one centre scatter
_RADIUS_OF_BOX = 0.35
_MARGIN_OF_BOX = 0.1
_STEEPNESS = 8.0
_MAX_LOGIT = 10.0


def rough_masks(
    maps: Tensor,
    points_yx: Tensor | None,
    point_labels: Tensor | None,
    boxes_yxyx: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Masks of what points to the same centre as a prompt does.

    A foreground pixel belongs to a prompt if the centre that it predicts lies near the
    one that is predicted at a point inside, or near the middle of the box, and not
    nearer to one that is predicted at a point outside.

    Parameters
    ----------
    maps : Tensor, (5, L, L) or (N, 5, L, L)
        Of the proposal head: for all prompts, or for each.
    points_yx : Tensor, (N, P, 2), or None
        Low-resolution pixels, pixel centres at integers.
    point_labels : Tensor, (N, P), or None
        1 in, 0 out, -1 no point.
    boxes_yxyx : Tensor, (N, 4), or None
        Low-resolution pixels. Where there are boxes, points do not count.

    Returns
    -------
    masks : Tensor, (N, 1, L, L)
        Logits for the mask input.
    is_given : Tensor, (N,)
        False for prompts with neither a box nor a point inside: their mask says
        nothing and is not to be used.
    """
    height, width = maps.shape[-2:]
    y = torch.arange(height, device=maps.device, dtype=maps.dtype)[:, None]
    x = torch.arange(width, device=maps.device, dtype=maps.dtype)[None, :]
    centre_y, centre_x = maps[..., 3, :, :] + y, maps[..., 4, :, :] + x
    foreground = 2 * maps[..., 0, :, :]
    if boxes_yxyx is not None:
        middle = (boxes_yxyx[:, :2] + boxes_yxyx[:, 2:]) / 2
        size = (boxes_yxyx[:, 2:] - boxes_yxyx[:, :2]).clamp(min=1)
        radius = (_RADIUS_OF_BOX * size.prod(1).sqrt()).clamp(min=3)[:, None, None]
        distance = torch.hypot(
            centre_y - middle[:, 0, None, None], centre_x - middle[:, 1, None, None]
        )
        reach = (0.5 + _MARGIN_OF_BOX) * size + 1
        is_near = ((y - middle[:, 0, None, None]).abs() <= reach[:, 0, None, None]) & (
            (x - middle[:, 1, None, None]).abs() <= reach[:, 1, None, None]
        )
        logits = torch.minimum(foreground, _STEEPNESS * (1 - distance / radius))
        logits = torch.where(is_near, logits, -_MAX_LOGIT)
        is_given = torch.ones(len(logits), dtype=torch.bool, device=maps.device)
    elif points_yx is not None and point_labels is not None:
        rows = points_yx[..., 0].round().long().clamp(0, height - 1)
        columns = points_yx[..., 1].round().long().clamp(0, width - 1)
        # One map for all prompts, or one for each.
        centre_y, centre_x = (
            c.reshape(-1, height, width) for c in (centre_y, centre_x)
        )
        own = torch.arange(len(centre_y), device=maps.device)[:, None]
        seen_y, seen_x = centre_y[own, rows, columns], centre_x[own, rows, columns]
        distance = torch.hypot(
            centre_y[:, None] - seen_y[..., None, None],
            centre_x[:, None] - seen_x[..., None, None],
        )
        is_inside = point_labels == 1
        inside = _nearest(distance, is_inside)
        # A point outside whose pixel points to the centre of the object itself tells
        # only that the prediction is wrong there, not which of the pixels are.
        between = torch.hypot(
            seen_y[:, :, None] - seen_y[:, None], seen_x[:, :, None] - seen_x[:, None]
        )
        is_apart = ~((between < _RADIUS / 2) & is_inside[:, None]).any(-1)
        margin = _RADIUS - inside
        if distance.shape[1] > 1:  # a single point outside leaves nothing inside
            outside = _nearest(distance, (point_labels == 0) & is_apart)
            margin = torch.minimum(margin, outside - inside)
        logits = torch.minimum(foreground, _STEEPNESS / _RADIUS * margin)
        is_given = is_inside.any(1)
    else:
        return maps.new_zeros(1, 1, height, width), torch.zeros(
            1, dtype=torch.bool, device=maps.device
        )
    return logits.clamp(-_MAX_LOGIT, _MAX_LOGIT)[:, None], is_given


def _nearest(distance: Tensor, is_counted: Tensor) -> Tensor:
    """Least distance (N, h, w) over those points (N, P) that count; else far away."""
    far = float(sum(distance.shape[-2:]))
    counted = torch.where(is_counted[..., None, None], distance, far)
    return counted[:, 0] if counted.shape[1] == 1 else counted.amin(1)
