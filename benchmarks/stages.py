"""One model in all its forms, and what everything mode spends its time on."""

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from blobs import give_blobs

from napari_segment_anything.engine.automatic import (
    AutomaticMaskGenerator,
    AutomaticSettings,
)
from napari_segment_anything.engine.device import pick_device
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.models.catalogue import CATALOGUE
from napari_segment_anything.models.files import find
from napari_segment_anything.models.load import load_state_dict
from napari_segment_anything.networks.config import SamConfig, ViTConfig
from napari_segment_anything.networks.inference import prepare_for_inference
from napari_segment_anything.networks.sam import Sam, build_sam
from napari_segment_anything.networks.state_dict import load_into
from napari_segment_anything.stacks.simulated import simulate_cells

# Parts of the candidates that random weights are let keep: about what SAM keeps.
_SHARE_BY_IOU, _SHARE_BY_STABILITY = 0.5, 0.5
_MEAN_IOU = 0.7


class PeerFactory(Protocol):
    """Makes a reference with the same weights."""

    def create(self, sam: Sam, attention: str, device: torch.device) -> object:
        """Build it with a kind of attention."""


@dataclass(eq=False)
class Contest:
    """Our variants by precision, the model as it was built, and its peers."""

    plain: Sam
    predictors: dict[str, MaskPredictor]
    peers: dict
    image: np.ndarray
    weights: str
    device: torch.device

    @cached_property
    def embeddings(self) -> dict[str, ImageEmbedding]:
        """Of the plane, by each predictor."""
        return {
            name: predictor.embed(self.image, intensity_range=(0, 255))
            for name, predictor in self.predictors.items()
        }

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the plane."""
        return self.image.shape[0], self.image.shape[1]

    @classmethod
    def create(
        cls,
        config: SamConfig,
        device: str | None,
        peer: PeerFactory | None,
        plane_side: int | None = None,
        attentions: Sequence[str] = ("eager", "sdpa"),
    ) -> "Contest":
        """Build all forms of a model with the same weights, and a plane of cells.

        The plane fills the model frame, unless it is to have another side. There is a
        peer for each kind of attention.
        """
        chosen = pick_device(device)
        torch.manual_seed(0)
        entry = CATALOGUE.get(config.name)
        path = find(entry) if entry else None
        with chosen:  # a card draws random numbers many times as fast
            plain = build_sam(config).requires_grad_(False)
            if path is None:
                _spread(plain)
        if path is not None:
            load_into(plain, load_state_dict(path))
        predictors = {}
        for name in ("float32", "bfloat16"):
            sam = copy.deepcopy(plain)
            prepare_for_inference(sam, getattr(torch, name))
            predictors[name] = MaskPredictor(sam, device=chosen, model_name=name)
        peers = {}
        if peer is not None and isinstance(config.image_encoder, ViTConfig):
            for attention in attentions:
                name = f"transformers {attention}"
                peers[name] = peer.create(plain, attention, chosen)
        side = plane_side or config.image_size
        image = as_rgb(simulate_cells(1, (side, side)).images[0])
        weights = "published" if path else "random"
        plain.to(chosen)
        return cls(plain, predictors, peers, image, weights, chosen)


def as_rgb(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) bytes of a plane, from its darkest to its brightest value."""
    low, high = float(image.min()), float(image.max())
    scaled = ((image - low) / max(high - low, 1e-6) * 255).astype(np.uint8)
    return np.repeat(scaled[..., None], 3, axis=2)


def _spread(sam: Sam) -> None:
    """Give random weights answers that are as far apart as those of trained ones.

    What begins at zero becomes random, masks are blobs, and predicted IoUs lie between
    0 and 1.
    """
    for name, parameter in sam.named_parameters():
        if name.endswith(("rel_pos_h", "rel_pos_w", "pos_embed")):
            torch.nn.init.normal_(parameter, std=0.02)
    size, dim = sam.config.embedding_size, sam.config.transformer_dim
    with torch.no_grad():
        give_blobs(sam)
        _, iou = sam.decode(
            torch.randn(1, dim, size, size),
            points_xy=torch.rand(8, 1, 2) * sam.config.image_size,
            point_labels=torch.ones(8, 1, dtype=torch.int64),
        )
        last = sam.mask_decoder.iou_prediction_head.layers[-1]
        last.bias += _MEAN_IOU - float(iou.mean())


def everything_settings(contest: Contest, points_per_side: int) -> AutomaticSettings:
    """SAM's rules; for random weights thresholds that a part of the masks passes."""
    settings = AutomaticSettings(points_per_side=points_per_side, use_proposals=False)
    predictor = contest.predictors["float32"]
    if contest.weights == "published":
        suited = AutomaticSettings.for_model(predictor.config)
        return replace(
            settings,
            pred_iou_thresh=suited.pred_iou_thresh,
            stability_score_thresh=suited.stability_score_thresh,
        )
    few = replace(settings, points_per_side=6)
    found = AutomaticMaskGenerator(predictor, few).candidates(
        None, embedding=contest.embeddings["float32"]
    )
    iou = float(np.quantile(found.predicted_iou, 1 - _SHARE_BY_IOU))
    kept = found.stability_score[found.predicted_iou >= iou]
    stability = float(np.quantile(kept, 1 - _SHARE_BY_STABILITY))
    return replace(settings, pred_iou_thresh=iou, stability_score_thresh=stability)


class TimedPredictor(MaskPredictor):
    """Adds up the seconds of encoding and decoding."""

    seconds: dict[str, float]

    @classmethod
    def of(cls, predictor: MaskPredictor) -> "TimedPredictor":
        """Share the networks of another predictor."""
        timed = cls(predictor._placed)
        timed.seconds = {"encode": 0.0, "decode": 0.0}
        return timed

    def embed_batch(self, *arguments, **named):  # noqa: ANN201, ANN002, ANN003, D102
        with _added_to(self.seconds, "encode"):
            return super().embed_batch(*arguments, **named)

    def decode(self, *arguments, **named):  # noqa: ANN201, ANN002, ANN003, D102
        with _added_to(self.seconds, "decode"):
            return super().decode(*arguments, **named)


class _added_to:  # noqa: N801
    def __init__(self, seconds: dict[str, float], name: str) -> None:
        self.seconds, self.name = seconds, name

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds[self.name] += time.perf_counter() - self.start


def share_of_stages(
    contest: Contest, settings: AutomaticSettings
) -> dict[str, dict[str, float]]:
    """Shares of encoding, decoding and the rest of everything mode, by precision."""
    shares = {}
    for name, predictor in contest.predictors.items():
        timed = TimedPredictor.of(predictor)
        start = time.perf_counter()
        AutomaticMaskGenerator(timed, settings).generate(
            contest.image, intensity_range=(0, 255)
        )
        total = time.perf_counter() - start
        parts = {**timed.seconds, "masks": total - sum(timed.seconds.values())}
        shares[name] = {key: round(part / total, 3) for key, part in parts.items()}
        print(f"  shares, {name}: {shares[name]}", flush=True)
    return shares
