"""A simulated annotator: first prompts and corrections.

Source: Kirillov et al., "Segment Anything", 2023, appendix A ("Training algorithm").
Positions are low-resolution pixels here, frame pixels (x, y) in `Prompt`.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from .crops import STRIDE
from .processor import Processor
from .targets import TOKEN, Targets

MIN_AREA = 10


@dataclass(frozen=True)
class Prompt:
    """Prompts of N objects of one crop, as the networks take them."""

    points_xy: Tensor
    point_labels: Tensor
    boxes_xyxy: Tensor | None
    masks: Tensor | None

    def moved(self, processor: Processor) -> "Prompt":
        """Bring the prompts to the networks' device."""
        boxes, masks = self.boxes_xyxy, self.masks
        return Prompt(
            processor.move(self.points_xy),
            processor.move(self.point_labels),
            None if boxes is None else processor.move(boxes),
            None if masks is None else processor.move(masks),
        )


def join_prompts(prompts: list[Prompt]) -> Prompt:
    """Join first prompts of one kind, of several crops."""
    boxes = [p.boxes_xyxy for p in prompts if p.boxes_xyxy is not None]
    return Prompt(
        torch.cat([p.points_xy for p in prompts]),
        torch.cat([p.point_labels for p in prompts]),
        torch.cat(boxes) if boxes else None,
        None,
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
) -> Prompt:
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
    return Prompt(xy, torch.ones(xy.shape[:2], dtype=torch.int64), boxes, None)


def correct(
    prompt: Prompt,
    logits: Tensor,
    expected: np.ndarray,
    origins: np.ndarray,
    generator: np.random.Generator,
    processor: Processor,
) -> Prompt:
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
        rows, columns = np.nonzero(wrong)
        at = generator.integers(len(rows))
        points.append([rows[at], columns[at]])
        labels.append(int(e[rows[at], columns[at]]))
    xy = to_frame_xy(np.array(points, np.float64), origins)[:, None]
    new_xy = processor.move(torch.from_numpy(xy.copy()).float())
    new_labels = processor.move(torch.tensor(labels)[:, None])
    return replace(
        prompt,
        points_xy=torch.cat([prompt.points_xy, new_xy], 1),
        point_labels=torch.cat([prompt.point_labels, new_labels], 1),
        masks=logits.detach()[:, None].clamp(-32, 32),
    )
