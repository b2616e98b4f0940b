"""Prompts of simulated annotators answered, and the loss of the answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

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
    KINDS,
    choose_objects,
    correct,
    first_prompts,
    random_like,
)
from .losses import intersection_over_union, mask_losses
from .processor import Processor
from .samples import Batch
from .targets import borders, depths

N_PROMPTS = 8
ROUND_NUMBER = 64
KIND_SHARES = (0.5, 0.4, 0.1)
ROUGH_MASK_SHARE = 0.85
CORRECTED_SHARE = 0.5
SCORE_WEIGHT = 4.0  # of the predicted IoU's squared error, far smaller than the rest


@dataclass(frozen=True)
class Scene:
    """Prompts of several crops, decoded at once.

    ``embedding`` (B, C, h, w) of the crops and their ``origins`` (B, 2); ``rows`` (N,)
    says of which crop each prompt is.
    """

    embedding: Tensor
    origins: Tensor
    rows: Tensor

    def in_crops(self, prompt: PromptBatch) -> PromptBatch:
        """Prompts in pixels of their crops rather than of the frame."""
        if prompt.points_xy is None:
            return prompt
        corner = self.origins[self.rows].flip(-1).float() * (STRIDE * TOKEN)
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
    rows = torch.from_numpy(processor.fetch(scene.rows))
    origins = processor.fetch(scene.origins).tolist()
    answers = []
    for k, side in enumerate(sides):
        index = (level == k).nonzero()[:, 0]
        if not len(index):
            continue
        index = _in_round_numbers(index, processor)
        windows = place_windows(extents[index], side, grid)
        with processor.decoding():
            logits, predicted = decode_in_windows(
                sam.prompt_encoder,
                sam.mask_decoder,
                scene.embedding,
                prompt.select(index),
                windows,
                rows=rows[index].tolist(),
                origins=origins,
            )
        answers.append(Answer(index, windows, logits.float(), predicted.float()))
    return answers


def _in_round_numbers(index: Tensor, processor: Processor) -> Tensor:
    """Repeat some prompts on a GPU, where each new shape costs a search for kernels."""
    if processor.device.type == "cpu":
        return index
    n = -(-len(index) // ROUND_NUMBER) * ROUND_NUMBER
    return index.repeat(-(-n // len(index)))[:n]


def on_crops(answers: Sequence[Answer], scene: Scene) -> tuple[Tensor, Tensor]:
    """Masks (N, 4, h, w) on whole crops, and their scores (N, 4)."""
    n = len(scene.rows)
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
    local = scene.in_crops(prompt)
    rough, _ = sam.rough_masks(
        sam.propose(scene.embedding)[scene.rows],
        local.points_xy,
        local.point_labels,
        local.boxes_xyxy,
    )
    return replace(prompt, masks=rough)


def prompt_loss(
    sam: Sam,
    processor: Processor,
    batch: Batch,
    areas: Tensor,
    embedding: Tensor,
    generator: Generator,
    dice_weight: float,
    crops_together: int = 1,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of simulated interactions on every crop of a batch, and mean IoUs.

    ``areas`` (B, n + 1) are those of the objects by label.
    """
    losses: list[Tensor] = []
    seen: dict[str, list[Tensor]] = {}
    depth = depths((batch.labels > 0) & ~borders(batch.labels))
    for start in range(0, len(batch), crops_together):
        part = slice(start, start + crops_together)
        rows, ids = choose_objects(areas[part], N_PROMPTS, generator)
        if not len(rows):
            continue
        scene = Scene(embedding[part], batch.origins[part], rows)
        masks = batch.labels[part][rows] == ids[:, None, None]
        for name, answer in _interact(
            sam, processor, scene, masks, depth[part][rows], generator
        ):
            truth = answer.truth(masks.float())
            loss, iou = _answer_losses(answer, truth, dice_weight)
            losses.append(loss)
            seen.setdefault(name, []).append(iou)
    if not losses:
        return embedding.sum() * 0, {}
    means = {name: torch.cat(values).mean() for name, values in seen.items()}
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


def _is_drawn(share: float, generator: Generator) -> bool:
    """Decide by chance, on the generator's device."""
    place = torch.empty((), device=generator.device)
    return bool(random_like(place, generator) < share)


def _interact(
    sam: Sam,
    processor: Processor,
    scene: Scene,
    masks: Tensor,
    depth: Tensor,
    generator: Generator,
) -> list[tuple[str, Answer]]:
    """Prompt objects of some crops alike; kind and answer by round."""
    shares = torch.tensor(KIND_SHARES, device=generator.device)
    kind = KINDS[int(shares.multinomial(1, generator=generator))]
    origins = scene.origins[scene.rows]
    prompt = first_prompts(masks, depth, origins, kind, generator)
    if _is_drawn(ROUGH_MASK_SHARE, generator):
        prompt = with_rough_masks(sam, scene, prompt)
    answers = decode(sam, processor, scene, prompt)
    named = [(kind, answer) for answer in answers]
    if not _is_drawn(CORRECTED_SHARE, generator):
        return named
    with torch.no_grad():
        logits, predicted = on_crops(answers, scene)
        chosen = predicted[:, 1:].argmax(1) + 1
        shown = logits[torch.arange(len(logits), device=logits.device), chosen]
    prompt = correct(prompt, shown, masks, origins, generator)
    if prompt.boxes_xyxy is None and _is_drawn(0.5, generator):
        # As in a batch that knows all points but not the earlier answer.
        prompt = with_rough_masks(sam, scene, prompt)
    corrected = decode(sam, processor, scene, prompt)
    return named + [("corrected", answer) for answer in corrected]
