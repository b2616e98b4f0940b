"""A quick measure on validation crops, for the log; not the reported figures."""

import numpy as np
import torch
from torch import Tensor

from napari_segment_anything.networks.sam import Sam

from .crops import cut_crop
from .interaction import choose_objects, first_prompt, moved
from .losses import intersection_over_union
from .planes import Plane
from .processor import Processor
from .prompting import Scene, decode, on_crops, with_rough_masks
from .samples import Batch, Sample
from .step import encode

N_PROMPTS = 8


@torch.inference_mode()
def evaluate(
    sam: Sam, processor: Processor, planes: list[Plane], n_crops: int = 12
) -> dict[str, float]:
    """Mean IoU from one click and from a box, by set, and of the foreground."""
    generator = np.random.default_rng(0)
    values: dict[str, list[float]] = {}
    by_set: dict[str, list[Plane]] = {}
    for plane in planes:
        by_set.setdefault(plane.set_name, []).append(plane)
    for set_name, members in by_set.items():
        for k in range(n_crops // len(by_set)):
            crop = cut_crop(members[k % len(members)], generator, augment=False)
            batch = Batch.collate([Sample.of(crop)], processor)
            for name, iou in _measure_crop(sam, processor, batch, generator).items():
                mean = float(processor.fetch(iou.mean()))
                values.setdefault(f"{set_name}/{name}", []).append(mean)
    return {name: float(np.mean(of_crops)) for name, of_crops in values.items()}


def _measure_crop(
    sam: Sam, processor: Processor, batch: Batch, generator: np.random.Generator
) -> dict[str, Tensor]:
    """IoU of the foreground, and of the objects by kind of prompt."""
    embedding, _ = encode(sam, processor, batch)
    targets, origin = batch.targets[0], batch.origins[0]
    foreground = sam.propose(embedding)[:, :1]
    measured = {
        "foreground": intersection_over_union(foreground, (batch.labels > 0).float())
    }
    ids = choose_objects(targets, N_PROMPTS, generator)
    if not len(ids):
        return measured
    wanted = processor.move(torch.from_numpy(ids))[:, None, None]
    truth = (batch.labels == wanted).float()
    scene = Scene(embedding, [origin], [len(ids)])
    for kind in ("point", "box"):
        prompt = first_prompt(targets, ids, origin, generator, kind)
        prompt = with_rough_masks(sam, scene, moved(prompt, processor))
        measured[f"{kind}_rough"] = intersection_over_union(prompt.masks, truth)
        logits, predicted = on_crops(decode(sam, processor, scene, prompt), scene)
        iou = intersection_over_union(logits, truth)
        chosen = predicted[:, 1:].argmax(1, keepdim=True) + 1
        measured[kind] = iou.gather(1, chosen)
        measured[f"{kind}_best"] = iou[:, 1:].max(1).values
    return measured
