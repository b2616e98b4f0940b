"""A quick measure on validation crops, for the log; not the reported figures."""

import numpy as np
import torch
from torch import Tensor

from napari_segment_anything.networks.sam import Sam

from .crops import cut_crop
from .interaction import choose_objects, first_prompts
from .losses import intersection_over_union
from .planes import Plane
from .processor import Processor
from .prompting import Scene, decode, on_crops, with_rough_masks
from .samples import Batch
from .step import encode
from .targets import borders, depths

N_PROMPTS = 8


@torch.inference_mode()
def evaluate(
    sam: Sam, processor: Processor, planes: list[Plane], n_crops: int = 12
) -> dict[str, float]:
    """Mean IoU from one click and from a box, by set, and of the foreground."""
    places = np.random.default_rng(0)
    generator = torch.Generator(processor.device).manual_seed(0)
    values: dict[str, list[float]] = {}
    by_set: dict[str, list[Plane]] = {}
    for plane in planes:
        by_set.setdefault(plane.set_name, []).append(plane)
    for set_name, members in by_set.items():
        crops = [
            cut_crop(members[k % len(members)], places, augment=False)
            for k in range(n_crops // len(by_set))
        ]
        for crop in crops:
            batch = Batch.collate([crop]).moved(processor)
            for name, iou in _measure_crop(sam, processor, batch, generator).items():
                mean = float(processor.fetch(iou.mean()))
                values.setdefault(f"{set_name}/{name}", []).append(mean)
    return {name: float(np.mean(of_crops)) for name, of_crops in values.items()}


def _measure_crop(
    sam: Sam, processor: Processor, batch: Batch, generator: torch.Generator
) -> dict[str, Tensor]:
    """IoU of the foreground, and of the objects by kind of prompt."""
    embedding, _ = encode(sam, processor, batch)
    foreground = sam.propose(embedding)[:, :1]
    measured = {
        "foreground": intersection_over_union(foreground, (batch.labels > 0).float())
    }
    objects, _ = batch.truth()
    rows, ids = choose_objects(objects.area, N_PROMPTS, generator)
    if not len(rows):
        return measured
    masks = batch.labels[rows] == ids[:, None, None]
    truth = masks.float()
    depth = depths((batch.labels > 0) & ~borders(batch.labels))[rows]
    scene = Scene(embedding, batch.origins, rows)
    for kind in ("point", "box"):
        prompt = first_prompts(masks, depth, batch.origins[rows], kind, generator)
        prompt = with_rough_masks(sam, scene, prompt)
        measured[f"{kind}_rough"] = intersection_over_union(prompt.masks, truth)
        logits, predicted = on_crops(decode(sam, processor, scene, prompt), scene)
        iou = intersection_over_union(logits, truth)
        chosen = predicted[:, 1:].argmax(1, keepdim=True) + 1
        measured[kind] = iou.gather(1, chosen)
        measured[f"{kind}_best"] = iou[:, 1:].max(1).values
    return measured
