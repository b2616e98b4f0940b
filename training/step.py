"""One training step: crops in, a loss and its parts out."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from napari_segment_anything.networks.sam import Sam

from .crops import STRIDE, Crop
from .interaction import Prompt, choose_objects, correct, first_prompt
from .losses import dense_losses, intersection_over_union, mask_losses, token_losses
from .targets import TOKEN, Targets, make_targets

N_PROMPTS = 8
ROUGH_MASK_SHARE = 0.85
CORRECTED_SHARE = 0.5


@dataclass
class Batch:
    """Crops of one step with their truth."""

    images: Tensor
    inside: Tensor
    targets: list[Targets]
    origins: list[tuple[int, int]]

    @classmethod
    def collate(cls, crops: list[Crop]) -> "Batch":
        """Stack crops and compute their targets."""
        return cls(
            torch.stack([crop.image for crop in crops]),
            torch.stack([crop.is_inside for crop in crops]),
            [make_targets(crop.labels) for crop in crops],
            [crop.origin for crop in crops],
        )


def encode(sam: Sam, batch: Batch) -> tuple[Tensor, Tensor]:
    """Embeddings (B, C, h, w) of crops, and the centre encoding's maps."""
    x = sam.normalise(batch.images) * batch.inside[:, None]
    features = sam.image_encoder(x)
    # Each crop lies elsewhere in the frame.
    pairs = [
        sam.centre_encoding(features[i : i + 1], origin)
        for i, origin in enumerate(batch.origins)
    ]
    return torch.cat([p[0] for p in pairs]), torch.cat([p[1] for p in pairs])


def decode(
    sam: Sam, embedding: Tensor, prompt: Prompt, origin: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """All four masks (N, 4, h, w) and scores of prompts on one crop (1, C, h, w)."""
    sparse, dense = sam.prompt_encoder(
        prompt.points_xy, prompt.point_labels, prompt.boxes_xyxy, prompt.masks
    )
    h, w = embedding.shape[-2:]
    y, x = origin
    image_pe = sam.prompt_encoder.dense_pe()[..., y : y + h, x : x + w]
    return sam.mask_decoder.decode_all(embedding, image_pe, sparse, dense)


@torch.no_grad()
def with_rough_masks(
    sam: Sam, embedding: Tensor, prompt: Prompt, origin: tuple[int, int]
) -> Prompt:
    """Begin with the masks that `Sam.decode` begins with."""
    corner = torch.tensor([origin[1], origin[0]]) * (STRIDE * TOKEN)
    boxes = prompt.boxes_xyxy
    masks, _ = sam.rough_masks(
        sam.propose(embedding)[0],
        prompt.points_xy - corner,
        prompt.point_labels,
        None if boxes is None else boxes - corner.repeat(2),
    )
    return replace(prompt, masks=masks)


def dense_loss(sam: Sam, batch: Batch, embedding: Tensor, maps: Tensor) -> Tensor:
    """Loss of the proposal head and of the centre encoding."""
    truth = _stack_targets(batch)
    low_res = dense_losses(sam.proposal_head(embedding), truth)
    middle = slice(TOKEN // 2, None, TOKEN)
    tokens = {
        "foreground": truth["foreground"][:, middle, middle],
        # From the token's centre, half a pixel before the sampled one.
        "offset": (truth["offset"][:, :, middle, middle] + 0.5) / TOKEN,
        "weight": truth["weight"][:, middle, middle] * TOKEN,
    }
    return low_res + token_losses(maps, tokens)


def _stack_targets(batch: Batch) -> dict[str, Tensor]:
    stacked = {
        name: torch.from_numpy(np.stack([getattr(t, name) for t in batch.targets]))
        for name in ("boundary", "centre", "offset", "weight")
    }
    labels = np.stack([t.labels for t in batch.targets])
    stacked["foreground"] = torch.from_numpy((labels > 0).astype(np.float32))
    stacked["inside"] = batch.inside[:, ::2, ::2].float()
    return stacked


def prompt_loss(
    sam: Sam,
    batch: Batch,
    embedding: Tensor,
    generator: np.random.Generator,
    dice_weight: float,
    n_prompts: int = N_PROMPTS,
) -> tuple[Tensor, dict[str, float]]:
    """Loss of simulated interactions on every crop of a batch, and mean IoUs."""
    losses: list[Tensor] = []
    seen: dict[str, list[float]] = {}
    for i, (targets, origin) in enumerate(
        zip(batch.targets, batch.origins, strict=True)
    ):
        ids = choose_objects(targets, n_prompts, generator)
        if not len(ids):
            continue
        truth = torch.from_numpy(np.stack([targets.labels == k for k in ids])).float()
        kind = str(generator.choice(["point", "box", "both"], p=[0.5, 0.4, 0.1]))
        prompt = first_prompt(targets, ids, origin, generator, kind)
        if generator.random() < ROUGH_MASK_SHARE:
            prompt = with_rough_masks(sam, embedding[i : i + 1], prompt, origin)
        for round_ in range(1 + int(generator.random() < CORRECTED_SHARE)):
            logits, predicted = decode(sam, embedding[i : i + 1], prompt, origin)
            each = mask_losses(logits, truth, dice_weight)
            iou = intersection_over_union(logits, truth)
            several = each[:, 1:]
            best = several.min(1).values.mean() + 0.1 * several.mean()
            score = (predicted - iou).square().mean()
            losses.append(each[:, 0].mean() + best + score)
            name = kind if round_ == 0 else "corrected"
            seen.setdefault(name, []).append(float(iou[:, 0].mean()))
            chosen = predicted[:, 1:].argmax(1) + 1 if round_ == 0 else None
            shown = (
                logits[:, 0]
                if chosen is None
                else logits[torch.arange(len(ids)), chosen]
            )
            prompt = correct(prompt, shown, truth, origin, generator)
            if prompt.boxes_xyxy is None and generator.random() < 0.5:
                # As in a batch that knows all points but not the earlier answer.
                prompt = with_rough_masks(sam, embedding[i : i + 1], prompt, origin)
    if not losses:
        return embedding.sum() * 0, {}
    means = {name: float(np.mean(values)) for name, values in seen.items()}
    return torch.stack(losses).mean(), means
