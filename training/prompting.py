"""Prompts of simulated annotators answered, and the loss of the answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from napari_segment_anything.networks.prompt_batch import PromptBatch
from napari_segment_anything.networks.sam import Sam
from napari_segment_anything.networks.token_windows import (
    TOKEN,
    TokenWindows,
    fitting_sides,
    known_extents,
    place_windows,
    window_sides,
)
from napari_segment_anything.networks.windowed_decoding import (
    NOTHING,
    decode_in_windows,
)

from .crops import STRIDE
from .interaction import (
    choose_objects,
    correct,
    first_prompt,
    join_prompts,
    moved,
)
from .losses import intersection_over_union, mask_losses
from .processor import Processor
from .samples import Batch

N_PROMPTS = 8
ROUGH_MASK_SHARE = 0.85
CORRECTED_SHARE = 0.5
SCORE_WEIGHT = 4.0  # of the predicted IoU's squared error, far smaller than the rest


@dataclass(frozen=True)
class Scene:
    """Crops whose prompts are decoded at once.

    ``embedding`` (B, C, h, w) and ``origins`` of the crops, ``n_prompts`` of each: the
    prompts of one crop follow those of the one before.
    """

    embedding: Tensor
    origins: Sequence[tuple[int, int]]
    n_prompts: Sequence[int]

    @property
    def rows(self) -> list[int]:
        """Which crop each prompt is of."""
        return np.repeat(np.arange(len(self.n_prompts)), self.n_prompts).tolist()

    def in_crops(self, prompt: PromptBatch) -> PromptBatch:
        """Prompts in pixels of their crops rather than of the frame."""
        if prompt.points_xy is None:
            return prompt
        corners = np.array(self.origins)[self.rows, ::-1] * (STRIDE * TOKEN)
        corner = prompt.points_xy.new_tensor(corners)
        boxes = prompt.boxes_xyxy
        return replace(
            prompt,
            points_xy=prompt.points_xy - corner[:, None],
            boxes_xyxy=None if boxes is None else boxes - corner.repeat(1, 2),
        )


@dataclass(frozen=True)
class Answer:
    """All four masks (n, 4, 4 side, 4 side) and scores of some prompts of a scene."""

    index: Tensor
    windows: TokenWindows
    logits: Tensor
    predicted: Tensor

    def truth(self, truth: Tensor) -> Tensor:
        """Cut the answer's part out of the masks (N, h, w) of all prompts."""
        return self.windows.cut(truth[:, None], self.index.tolist(), TOKEN)[:, 0]


def decode(
    sam: Sam, processor: Processor, scene: Scene, prompt: PromptBatch
) -> list[Answer]:
    """Answer the prompts on some crops, each in a window as `Sam.decode` does."""
    grid = scene.embedding.shape[-1]
    sides = window_sides(sam.config.decoder_window, grid)
    known = known_extents(scene.in_crops(prompt), STRIDE)
    extents = torch.from_numpy(processor.fetch(known))
    level = fitting_sides(extents, sides)
    rows = scene.rows
    answers = []
    for k, side in enumerate(sides):
        index = (level == k).nonzero()[:, 0]
        if not len(index):
            continue
        windows = place_windows(extents[index], side, grid)
        with processor.decoding():
            logits, predicted = decode_in_windows(
                sam.prompt_encoder,
                sam.mask_decoder,
                scene.embedding,
                prompt.select(index),
                windows,
                rows=[rows[i] for i in index.tolist()],
                origins=scene.origins,
            )
        answers.append(Answer(index, windows, logits.float(), predicted.float()))
    return answers


def on_crops(answers: Sequence[Answer], scene: Scene) -> tuple[Tensor, Tensor]:
    """Masks (N, 4, h, w) on whole crops, and their scores (N, 4)."""
    n = sum(scene.n_prompts)
    side = scene.embedding.shape[-1] * TOKEN
    logits = scene.embedding.new_full((n, 4, side, side), NOTHING)
    predicted = scene.embedding.new_zeros(n, 4)
    for answer in answers:
        answer.windows.paste(answer.logits, logits, answer.index.tolist())
        predicted[answer.index] = answer.predicted
    return logits, predicted


@torch.no_grad()
def with_rough_masks(sam: Sam, scene: Scene, prompt: PromptBatch) -> PromptBatch:
    """Begin with the masks that `Sam.decode` begins with."""
    maps = sam.propose(scene.embedding)
    local = scene.in_crops(prompt)
    rows = np.array(scene.rows)
    masks = []
    for i, crop_maps in enumerate(maps):
        own = local.select(torch.from_numpy(np.flatnonzero(rows == i)))
        rough, _ = sam.rough_masks(
            crop_maps, own.points_xy, own.point_labels, own.boxes_xyxy
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
            for name, answer, truth in _interact(
                sam, processor, batch, embedding, ids, generator
            ):
                loss, iou = _answer_losses(answer, answer.truth(truth), dice_weight)
                losses.append(loss)
                seen.setdefault(name, []).append(iou)
    if not losses:
        return embedding.sum() * 0, {}
    means = {
        name: float(processor.fetch(torch.cat(values).mean()))
        for name, values in seen.items()
    }
    return torch.cat(losses).mean(), means


def _answer_losses(
    answer: Answer, truth: Tensor, dice_weight: float
) -> tuple[Tensor, Tensor]:
    """Losses (n,) of the single mask, the best of three and the predicted IoU.

    Also the IoU (n,) of the mask that is predicted to be the best of the three.
    """
    iou = intersection_over_union(answer.logits, truth)
    each = mask_losses(answer.logits, truth, dice_weight)
    several = each[:, 1:]
    best = several.min(1).values + 0.1 * several.mean(1)
    off = (answer.predicted - iou).square().mean(1)
    chosen = answer.predicted[:, 1:].argmax(1, keepdim=True) + 1
    return each[:, 0] + best + SCORE_WEIGHT * off, iou.gather(1, chosen)[:, 0]


def _interact(
    sam: Sam,
    processor: Processor,
    batch: Batch,
    embedding: Tensor,
    ids: dict[int, np.ndarray],
    generator: np.random.Generator,
) -> list[tuple[str, Answer, Tensor]]:
    """Prompt objects of some crops alike; kind and answer by round, and the truth."""
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
    prompt = moved(
        join_prompts(
            [
                first_prompt(batch.targets[i], some, batch.origins[i], generator, kind)
                for i, some in ids.items()
            ]
        ),
        processor,
    )
    if generator.random() < ROUGH_MASK_SHARE:
        prompt = with_rough_masks(sam, scene, prompt)
    answers = decode(sam, processor, scene, prompt)
    named = [(kind, answer, truth) for answer in answers]
    if generator.random() >= CORRECTED_SHARE:
        return named
    with torch.no_grad():
        logits, predicted = on_crops(answers, scene)
        chosen = predicted[:, 1:].argmax(1) + 1
        shown = logits[torch.arange(len(logits), device=logits.device), chosen]
    origins = np.repeat(np.array(scene.origins), scene.n_prompts, 0)
    prompt = correct(prompt, shown, expected, origins, generator, processor)
    if prompt.boxes_xyxy is None and generator.random() < 0.5:
        # As in a batch that knows all points but not the earlier answer.
        prompt = with_rough_masks(sam, scene, prompt)
    corrected = decode(sam, processor, scene, prompt)
    return named + [("corrected", answer, truth) for answer in corrected]
