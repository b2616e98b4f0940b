"""Random weights whose masks look like those of objects: a blob at the prompt.

Masks of weights that are random in all places are as ragged as noise: a row of pixels
crosses an outline a hundred times, and to code them takes longer than to decode them.
Here the last attention from the image to the prompt compares positions, so that it is
strong near a point, and the mask heads weigh the upscaled channels such that this is
inside. What the networks compute, and how long it takes, is the same as with any
weights.
"""

import torch
from torch import Tensor

from napari_segment_anything.networks.sam import Sam

_N_POINTS = 16
_SHARPNESS, _GAIN, _QUIET = 4.0, 8.0, 0.05
_RADIUS = 0.03  # of a blob, of the frame's side
_LOGIT, _STEP = 60.0, 6.0  # inside of a blob; between a prompt's three masks


def give_blobs(sam: Sam) -> None:
    """Change random weights, in place, such that masks are blobs at their points."""
    decoder = sam.mask_decoder
    _attend_by_place(sam)
    for i in (0, 3):  # the four pixels that one becomes are alike
        weight = decoder.output_upscaling[i].weight
        weight.copy_(weight.mean((2, 3), keepdim=True).expand_as(weight))
    size, dim = sam.config.embedding_size, sam.config.transformer_dim
    device = decoder.iou_token.weight.device
    points = torch.rand(_N_POINTS, 1, 2, device=device)
    image = _QUIET * torch.randn(1, dim, size, size, device=device)
    channels = _upscaled(sam, image, points * sam.config.image_size)
    inside, middle = _direction(channels, points)
    for i, network in enumerate(decoder.output_hypernetworks_mlps):
        last = network.layers[-1]
        last.weight *= 0
        last.bias.copy_(_LOGIT * inside - _STEP * i * middle)


def _attend_by_place(sam: Sam) -> None:
    blocks = sam.mask_decoder.transformer.blocks
    # What the image shows would drown where it is.
    quiet = [sam.image_encoder.neck[3], *(block.norm4 for block in blocks[:-1])]
    for norm in quiet:
        norm.weight *= _QUIET
        norm.bias *= _QUIET
    attention = blocks[-1].cross_attn_image_to_token
    waves = sam.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
    n_waves, n_heads = waves.shape[1], attention.n_heads
    longest_first = waves.norm(dim=0).argsort().tolist()
    width = attention.q_proj.out_features // n_heads
    for layer in (attention.q_proj, attention.k_proj):
        layer.weight.zero_()
        layer.bias.zero_()
        for row in range(0, layer.out_features, 2):
            head, pair = divmod(row, width)
            wave = longest_first[(head + pair // 2 * n_heads) % n_waves]
            layer.weight[row, wave] = _SHARPNESS
            layer.weight[row + 1, n_waves + wave] = _SHARPNESS
    attention.out_proj.weight *= _GAIN


def _upscaled(sam: Sam, image: Tensor, points_xy: Tensor) -> Tensor:
    """Upscaled channels (N, C, L, L) that masks are mixed of."""
    seen: list[Tensor] = []
    hook = sam.mask_decoder.output_upscaling.register_forward_hook(
        lambda _, __, channels: seen.append(channels)
    )
    labels = torch.ones(points_xy.shape[:2], dtype=torch.int64, device=image.device)
    with torch.enable_grad():  # the plain form
        sam.decode(image, points_xy=points_xy, point_labels=labels)
    hook.remove()
    return torch.cat(seen)


def _direction(channels: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (C,) that tell the surroundings of a point, and those that give 1."""
    side = channels.shape[-1]
    place = (torch.arange(0, side, 4, device=points.device) + 0.5) / side
    grid = torch.stack(torch.meshgrid(place, place, indexing="xy"), -1)
    is_inside = ((grid - points[:, :, None]).norm(dim=-1) < _RADIUS).flatten()
    values = channels[..., ::4, ::4].permute(0, 2, 3, 1).flatten(0, 2)
    # Both sides count the same, however large.
    n_inside = is_inside.sum().clamp(min=1)
    weight = torch.where(is_inside, (~is_inside).sum() / n_inside, 1.0)[:, None]
    wanted = torch.where(is_inside, 1.0, -1.0)[:, None]
    product = values.mT @ (weight * values)
    ridge = 1e-3 * product.trace() * torch.eye(len(product), device=values.device)
    inside = torch.linalg.solve(product + ridge, values.mT @ (weight * wanted))[:, 0]
    mean = values.mean(0)
    return inside, mean / (mean @ mean)
