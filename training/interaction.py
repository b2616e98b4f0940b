"""A simulated annotator: first prompts and corrections.

Source: Kirillov et al., "Segment Anything", 2023, appendix A ("Training algorithm").
Positions are low-resolution pixels here, frame pixels (x, y) in `PromptBatch`.
"""

from dataclasses import replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from napari_segment_anything.networks.prompt_batch import PromptBatch

from .crops import STRIDE
from .processor import Processor
from .targets import TOKEN, Targets

MIN_AREA = 10


def moved(prompt: PromptBatch, processor: Processor) -> PromptBatch:
    """Bring prompts to the networks' device."""
    return PromptBatch(
        *(
            None if tensor is None else processor.move(tensor)
            for tensor in (
                prompt.points_xy,
                prompt.point_labels,
                prompt.boxes_xyxy,
                prompt.masks,
            )
        )
    )


def join_prompts(prompts: list[PromptBatch]) -> PromptBatch:
    """Join first prompts of one kind, of several crops."""
    return PromptBatch(
        *(
            torch.cat([getattr(prompt, name) for prompt in prompts])
            if getattr(prompts[0], name) is not None
            else None
            for name in ("points_xy", "point_labels", "boxes_xyxy")
        )
    )


def choose_objects(
    targets: Targets, n_objects: int, generator: np.random.Generator
) -> np.ndarray:
    """Ids of up to ``n_objects`` objects that are large enough to be seen."""
    ids = np.flatnonzero(targets.areas >= MIN_AREA) + 1
    return generator.permutation(ids)[:n_objects]


def to_frame_xy(yx: np.ndarray, origin: tuple[int, int] | np.ndarray) -> np.ndarray:
    """Low-resolution pixels (..., 2) of a crop to frame pixels (x, y)."""
    corner = np.array(origin) * TOKEN
    xy: np.ndarray = ((yx + corner + 0.5) * STRIDE - 0.5)[..., ::-1]
    return xy


def point_in(
    mask: np.ndarray, depth: np.ndarray, generator: np.random.Generator
) -> tuple[int, int]:
    """Choose a point: mostly well inside, sometimes anywhere, or the deepest."""
    rows, columns = np.nonzero(mask)
    weights = depth[rows, columns].astype(np.float64) ** 2 + 1e-3
    chance = generator.random()
    if chance < 0.35:
        at = int(weights.argmax())
    elif chance < 0.85:
        at = int(generator.choice(len(rows), p=weights / weights.sum()))
    else:
        at = int(generator.integers(len(rows)))
    return rows[at], columns[at]


def box_of(
    mask: np.ndarray, generator: np.random.Generator, noise: float
) -> np.ndarray:
    """Box (y0, x0, y1, x1) about a mask, its sides moved by up to ``noise``."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = np.array([rows[0] - 0.5, columns[0] - 0.5, rows[-1] + 0.5, columns[-1] + 0.5])
    size = np.tile([rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1], 2)
    moved: np.ndarray = box + np.clip(generator.normal(0, noise, 4), -0.2, 0.2) * size
    return moved


def first_prompt(
    targets: Targets,
    ids: np.ndarray,
    origin: tuple[int, int],
    generator: np.random.Generator,
    kind: str,
) -> PromptBatch:
    """Prompt the objects for the first time: kind "point", "box" or "both"."""
    masks = [targets.labels == i for i in ids]
    points = np.zeros((len(ids), 0, 2))
    boxes = None
    if kind != "box":
        points = np.array(
            [[point_in(mask, targets.depth, generator)] for mask in masks], np.float64
        )
    if kind != "point":
        noise = generator.choice([0.0, 0.1])
        corners = np.array([box_of(mask, generator, noise) for mask in masks])
        frame = to_frame_xy(corners.reshape(-1, 2, 2), origin)
        boxes = torch.from_numpy(frame.reshape(-1, 4).copy()).float()
    xy = torch.from_numpy(to_frame_xy(points, origin).copy()).float()
    return PromptBatch(xy, torch.ones(xy.shape[:2], dtype=torch.int64), boxes)


def correct(
    prompt: PromptBatch,
    logits: Tensor,
    expected: np.ndarray,
    origins: np.ndarray,
    generator: np.random.Generator,
    processor: Processor,
) -> PromptBatch:
    """Add to each object a point of the error region, and its logits as a mask.

    ``logits`` (N, h, w) are the chosen masks of the last answer, ``expected`` (N, h, w)
    the true ones, ``origins`` (N, 2) those of the objects' crops.
    """
    found = processor.fetch(logits > 0)
    points, labels = [], []
    for f, e in zip(found, expected, strict=True):
        missed, excess = e & ~f, f & ~e
        wrong = missed if missed.sum() >= excess.sum() else excess
        if not wrong.any():
            wrong = e
        row, column = _point_of_error(wrong, generator)
        points.append([row, column])
        labels.append(int(e[row, column]))
    if prompt.points_xy is None or prompt.point_labels is None:
        raise ValueError("Simulated prompts have points, be there none of them.")
    xy = to_frame_xy(np.array(points, np.float64), origins)[:, None]
    new_xy = processor.move(torch.from_numpy(xy.copy()).float())
    new_labels = processor.move(torch.tensor(labels)[:, None])
    return replace(
        prompt,
        points_xy=torch.cat([prompt.points_xy, new_xy], 1),
        point_labels=torch.cat([prompt.point_labels, new_labels], 1),
        masks=logits.detach()[:, None].clamp(-32, 32),
    )


def _point_of_error(
    wrong: np.ndarray, generator: np.random.Generator
) -> tuple[int, int]:
    """Choose any pixel of an error, or the one that is deepest inside of it."""
    rows, columns = np.nonzero(wrong)
    if generator.random() < 0.5:
        at = int(generator.integers(len(rows)))
        return rows[at], columns[at]
    y0, x0 = rows.min(), columns.min()
    tight = wrong[y0 : rows.max() + 1, x0 : columns.max() + 1]
    depth = ndimage.distance_transform_edt(np.pad(tight, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return y0 + row, x0 + column
