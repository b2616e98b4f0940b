"""A quick measure on validation crops, for the log; not the reported figures."""

import numpy as np
import torch

from napari_segment_anything.networks.sam import Sam

from .crops import cut_crop
from .interaction import choose_objects, first_prompt
from .losses import intersection_over_union
from .planes import Plane
from .step import Batch, decode, encode, with_rough_masks


@torch.inference_mode()
def evaluate(sam: Sam, planes: list[Plane], n_crops: int = 24) -> dict[str, float]:
    """Mean IoU from one click and from a box, by set, and of the foreground."""
    generator = np.random.default_rng(0)
    sums: dict[str, list[float]] = {}
    by_set: dict[str, list[Plane]] = {}
    for plane in planes:
        by_set.setdefault(plane.set_name, []).append(plane)
    for set_name, members in by_set.items():
        for k in range(n_crops // len(by_set)):
            crop = cut_crop(members[k % len(members)], generator, augment=False)
            batch = Batch.collate([crop])
            embedding, _ = encode(sam, batch)
            targets, origin = batch.targets[0], batch.origins[0]
            foreground = sam.propose(embedding)[:, :1] > 0
            expected = torch.from_numpy(targets.labels > 0)[None]
            sums.setdefault(f"{set_name}/foreground", []).append(
                float(
                    intersection_over_union(foreground.float() - 0.5, expected).mean()
                )
            )
            ids = choose_objects(targets, 16, generator)
            if not len(ids):
                continue
            truth = torch.from_numpy(np.stack([targets.labels == i for i in ids]))
            for kind in ("point", "box"):
                prompt = first_prompt(targets, ids, origin, generator, kind)
                prompt = with_rough_masks(sam, embedding, prompt, origin)
                logits, predicted = decode(sam, embedding, prompt, origin)
                iou = intersection_over_union(logits, truth.float())
                chosen = predicted[:, 1:].argmax(1) + 1
                sums.setdefault(f"{set_name}/{kind}", []).append(
                    float(iou[torch.arange(len(ids)), chosen].mean())
                )
                sums.setdefault(f"{set_name}/{kind}_best", []).append(
                    float(iou[:, 1:].max(1).values.mean())
                )
    return {name: float(np.mean(values)) for name, values in sums.items()}
