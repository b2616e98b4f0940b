"""Prompts of simulated annotators answered, and the loss of the answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from napari_segment_anything.networks.sam import Sam

from .crops import STRIDE
from .interaction import Prompt, choose_objects, correct, first_prompt, join_prompts
from .losses import intersection_over_union, mask_losses
from .processor import Processor
from .samples import Batch
from .targets import TOKEN

N_PROMPTS = 8
ROUGH_MASK_SHARE = 0.85
CORRECTED_SHARE = 0.5


@dataclass(frozen=True)
class Scene:
    """Crops whose prompts are decoded at once.

    ``embedding`` (B, C, h, w) and ``origins`` of the crops, ``n_prompts`` of each: the
    prompts of one crop follow those of the one before.
    """

    embedding: Tensor
    origins: Sequence[tuple[int, int]]
    n_prompts: Sequence[int]

    def of_prompts(self, of_crops: Tensor) -> Tensor:
        """From one row a crop to one a prompt; of a single crop its only row."""
        if len(self.n_prompts) == 1:
            return of_crops
        return torch.cat(
            [of_crops[i].expand(n, -1, -1, -1) for i, n in enumerate(self.n_prompts)]
        )


def decode(
    sam: Sam, processor: Processor, scene: Scene, prompt: Prompt
) -> tuple[Tensor, Tensor]:
    """All four masks (N, 4, h, w) and scores of the prompts on some crops."""
    sparse, dense = sam.prompt_encoder(
        prompt.points_xy, prompt.point_labels, prompt.boxes_xyxy, prompt.masks
    )
    h, w = scene.embedding.shape[-2:]
    of_frame = sam.prompt_encoder.dense_pe()
    image_pe = torch.cat(
        [of_frame[..., y : y + h, x : x + w] for y, x in scene.origins]
    )
    with processor.decoding():
        logits, predicted = sam.mask_decoder.decode_all(
            scene.of_prompts(scene.embedding), scene.of_prompts(image_pe), sparse, dense
        )
    return logits.float(), predicted.float()


@torch.no_grad()
def with_rough_masks(sam: Sam, scene: Scene, prompt: Prompt) -> Prompt:
    """Begin with the masks that `Sam.decode` begins with."""
    maps = sam.propose(scene.embedding)
    masks = []
    start = 0
    for i, ((y, x), n) in enumerate(zip(scene.origins, scene.n_prompts, strict=True)):
        own = slice(start, start + n)
        start += n
        corner = prompt.points_xy.new_tensor([x, y]) * (STRIDE * TOKEN)
        boxes = prompt.boxes_xyxy
        rough, _ = sam.rough_masks(
            maps[i],
            prompt.points_xy[own] - corner,
            prompt.point_labels[own],
            None if boxes is None else boxes[own] - corner.repeat(2),
        )
        masks.append(rough)
    return replace(prompt, masks=torch.cat(masks))


def prompt_loss(
    sam: Sam,
    processor: Processor,
    batch: Batch,
    embedding: Tensor,
    generator: np.random.Generator,
    dice_weight: float,
    crops_together: int = 1,
) -> tuple[Tensor, dict[str, float]]:
    """Loss of simulated interactions on every crop of a batch, and mean IoUs."""
    losses: list[Tensor] = []
    seen: dict[str, list[Tensor]] = {}
    for start in range(0, len(embedding), crops_together):
        ids = {
            i: choose_objects(batch.targets[i], N_PROMPTS, generator)
            for i in range(start, min(start + crops_together, len(embedding)))
        }
        ids = {i: some for i, some in ids.items() if len(some)}
        if ids:
            answers = _interact(sam, processor, batch, embedding, ids, generator)
            for name, logits, predicted, truth in answers:
                iou = intersection_over_union(logits, truth)
                losses.append(_answer_loss(logits, predicted, truth, iou, dice_weight))
                seen.setdefault(name, []).append(iou[:, 0].mean())
    if not losses:
        return embedding.sum() * 0, {}
    means = {
        name: float(processor.fetch(torch.stack(values).mean()))
        for name, values in seen.items()
    }
    return torch.stack(losses).mean(), means


def _answer_loss(
    logits: Tensor, predicted: Tensor, truth: Tensor, iou: Tensor, dice_weight: float
) -> Tensor:
    """Loss of the single mask, of the best of three and of the predicted IoU."""
    each = mask_losses(logits, truth, dice_weight)
    several = each[:, 1:]
    best = several.min(1).values.mean() + 0.1 * several.mean()
    return each[:, 0].mean() + best + (predicted - iou).square().mean()


def _interact(
    sam: Sam,
    processor: Processor,
    batch: Batch,
    embedding: Tensor,
    ids: dict[int, np.ndarray],
    generator: np.random.Generator,
) -> list[tuple[str, Tensor, Tensor, Tensor]]:
    """Prompt objects of some crops alike; kind, logits, scores and truth by round."""
    crops = list(ids)
    scene = Scene(
        # A slice of a single crop: an index would copy it.
        embedding[crops[0] : crops[0] + 1] if len(crops) == 1 else embedding[crops],
        [batch.origins[i] for i in crops],
        [len(ids[i]) for i in crops],
    )
    truth = torch.cat(
        [
            batch.labels[i] == processor.move(torch.from_numpy(some))[:, None, None]
            for i, some in ids.items()
        ]
    ).float()
    # The annotator looks at the truth on the CPU, where its targets are.
    expected = np.concatenate(
        [batch.targets[i].labels == some[:, None, None] for i, some in ids.items()]
    )
    kind = str(generator.choice(["point", "box", "both"], p=[0.5, 0.4, 0.1]))
    prompt = join_prompts(
        [
            first_prompt(batch.targets[i], some, batch.origins[i], generator, kind)
            for i, some in ids.items()
        ]
    ).moved(processor)
    if generator.random() < ROUGH_MASK_SHARE:
        prompt = with_rough_masks(sam, scene, prompt)
    answers: list[tuple[str, Tensor, Tensor, Tensor]] = []
    for round_ in range(1 + int(generator.random() < CORRECTED_SHARE)):
        if round_ > 0:
            name, logits, predicted, _ = answers[-1]
            chosen = predicted[:, 1:].argmax(1) + 1
            shown = logits[torch.arange(len(logits), device=logits.device), chosen]
            origins = np.repeat(np.array(scene.origins), scene.n_prompts, 0)
            prompt = correct(prompt, shown, expected, origins, generator, processor)
            if prompt.boxes_xyxy is None and generator.random() < 0.5:
                # As in a batch that knows all points but not the earlier answer.
                prompt = with_rough_masks(sam, scene, prompt)
        name = kind if round_ == 0 else "corrected"
        answers.append((name, *decode(sam, processor, scene, prompt), truth))
    return answers
