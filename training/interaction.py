"""A simulated annotator: first prompts and corrections, of all objects at once.

Source: Kirillov et al., "Segment Anything", 2023, appendix A ("Training algorithm").
Positions are low-resolution pixels (y, x) of a crop here, frame pixels (x, y) in
`PromptBatch`; everything stays on the device of the masks.
"""

from dataclasses import replace

import torch
from torch import Generator, Tensor

from napari_segment_anything.networks.prompt_batch import PromptBatch

from .crops import STRIDE
from .targets import TOKEN, depths

MIN_AREA = 10
KINDS = ("point", "box", "both")
DEEPEST_SHARE, DEEP_SHARE = 0.35, 0.5  # of first clicks
BOX_NOISE, MAX_BOX_NOISE = 0.1, 0.2  # of the side of a box
_EPSILON = 1e-3


def random_like(values: Tensor, generator: Generator) -> Tensor:
    """Draw numbers of 0 to 1 in the shape of a tensor on the generator's device."""
    return torch.rand(values.shape, generator=generator, device=values.device)


def choose_objects(
    areas: Tensor, n_objects: int, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Choose up to ``n_objects`` that are large enough to be seen of each crop.

    Parameters
    ----------
    areas : Tensor, (B, n + 1)
        By label, 0 being the ground.
    n_objects : int
    generator : Generator

    Returns
    -------
    rows : Tensor, (N,)
        Crops, in order.
    ids : Tensor, (N,)
        Labels.
    """
    is_seen = areas >= MIN_AREA
    is_seen[:, 0] = False
    order = torch.where(is_seen, 1 + random_like(areas, generator), 0.0)
    best = order.topk(min(n_objects, areas.shape[1]), 1)
    rows, columns = (best.values > 0).nonzero(as_tuple=True)
    return rows, best.indices[rows, columns]


def to_frame_xy(yx: Tensor, origins: Tensor) -> Tensor:
    """Low-resolution pixels (N, P, 2) of crops to frame pixels (x, y).

    ``origins`` (N, 2) are those of the crops in tokens.
    """
    return ((yx + origins[:, None] * TOKEN + 0.5) * STRIDE - 0.5).flip(-1)


def _pixels(chosen: Tensor, width: int) -> Tensor:
    """Positions (N, 2) of flat indices."""
    return torch.stack([chosen // width, chosen % width], -1)


def _draw(weights: Tensor, generator: Generator) -> Tensor:
    """Draw one pixel (N,) each by weights (N, h * w)."""
    # The largest of weight / exponential: one pass, and no copy to the CPU.
    chance = random_like(weights, generator).clamp(min=1e-12)
    return (weights / -chance.log().clamp(max=-1e-7)).argmax(1)


def _deepest(depth: Tensor, generator: Generator) -> Tensor:
    """Pixels (N,) of the greatest depth (N, h * w), any of those that are alike."""
    return (depth + 0.5 * random_like(depth, generator) * (depth > 0)).argmax(1)


def points_in(masks: Tensor, depth: Tensor, generator: Generator) -> Tensor:
    """Choose points (N, 2): mostly well inside, sometimes anywhere, or the deepest.

    ``masks`` (N, h, w) are bool, each of one object; ``depth`` (N, h, w) is that of
    all objects of its crop.
    """
    is_inside = masks.flatten(1)
    weights = (depth.flatten(1).square() + _EPSILON) * is_inside
    deepest = _deepest(weights, generator)
    deep = _draw(weights, generator)
    anywhere = _draw(is_inside.float(), generator)
    chance = random_like(masks[:, 0, 0].float(), generator)
    chosen = torch.where(chance < DEEPEST_SHARE + DEEP_SHARE, deep, anywhere)
    chosen = torch.where(chance < DEEPEST_SHARE, deepest, chosen)
    return _pixels(chosen, masks.shape[-1])


def boxes_of(masks: Tensor, noise: Tensor, generator: Generator) -> Tensor:
    """Boxes (N, 4), (y0, x0, y1, x1), of masks, their sides moved by ``noise`` (N,)."""
    ends = []
    for dim in (2, 1):
        is_set = masks.any(dim).to(torch.uint8)
        first = is_set.argmax(1)
        last = is_set.shape[1] - 1 - is_set.flip(1).argmax(1)
        ends.append((first, last))
    (top, bottom), (left, right) = ends
    box = torch.stack([top, left, bottom + 1, right + 1], 1) - 0.5
    size = (box[:, 2:] - box[:, :2]).repeat(1, 2)
    # Nearly normal: the sum of three uniform numbers.
    spread = sum(random_like(box, generator) - 0.5 for _ in range(3)) * 2
    return box + (spread * noise[:, None]).clamp(-MAX_BOX_NOISE, MAX_BOX_NOISE) * size


def first_prompts(
    masks: Tensor, depth: Tensor, origins: Tensor, kind: str, generator: Generator
) -> PromptBatch:
    """Prompt objects for the first time.

    Parameters
    ----------
    masks : Tensor, (N, h, w)
        Of the objects on their crops, bool.
    depth : Tensor, (N, h, w)
        How deep in any object the pixels of these crops lie.
    origins : Tensor, (N, 2)
        Of their crops, in tokens.
    kind : str
        "point", "box" or "both".
    generator : Generator
    """
    points = masks.new_zeros(len(masks), 0, 2, dtype=torch.float32)
    boxes = None
    if kind != "box":
        points = points_in(masks, depth, generator)[:, None].float()
    if kind != "point":
        is_noisy = random_like(masks[:, 0, 0].float(), generator) < 0.5
        corners = boxes_of(masks, BOX_NOISE * is_noisy, generator)
        boxes = to_frame_xy(corners.view(-1, 2, 2), origins).flatten(1)
    labels = torch.ones(points.shape[:2], dtype=torch.int64, device=masks.device)
    return PromptBatch(to_frame_xy(points, origins), labels, boxes)


def correct(
    prompt: PromptBatch,
    logits: Tensor,
    masks: Tensor,
    origins: Tensor,
    generator: Generator,
) -> PromptBatch:
    """Add to each object a point of the error region, and its logits as a mask.

    ``logits`` (N, h, w) are the chosen masks of the last answer, ``masks`` (N, h, w)
    the true ones, ``origins`` (N, 2) those of the objects' crops.
    """
    found = logits > 0
    missed, excess = masks & ~found, found & ~masks
    is_missed = missed.sum((1, 2)) >= excess.sum((1, 2))
    wrong = torch.where(is_missed[:, None, None], missed, excess)
    wrong = torch.where(wrong.any(2).any(1)[:, None, None], wrong, masks)
    depth = depths(wrong).flatten(1)
    deepest = _deepest(depth, generator)
    anywhere = _draw(wrong.flatten(1).float(), generator)
    is_deep = random_like(deepest.float(), generator) < 0.5
    chosen = torch.where(is_deep, deepest, anywhere)
    labels = masks.flatten(1).gather(1, chosen[:, None]).long()
    if prompt.points_xy is None or prompt.point_labels is None:
        raise ValueError("Simulated prompts have points, be there none of them.")
    xy = to_frame_xy(_pixels(chosen, masks.shape[-1])[:, None].float(), origins)
    return replace(
        prompt,
        points_xy=torch.cat([prompt.points_xy, xy], 1),
        point_labels=torch.cat([prompt.point_labels, labels], 1),
        masks=logits.detach()[:, None].clamp(-32, 32),
    )
