"""How long each stage takes, as medians and as ratios to named references.

    python benchmarks/speed.py --json speed.json [--model nano] [--quick]

Rounds of a stage and of its references alternate, so that a machine that is busy for a
moment is busy for both. Ratios are reference over stage: above 1 the stage is faster.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from napari_segment_anything.engine.automatic import (
    AutomaticMaskGenerator,
    AutomaticSettings,
)
from napari_segment_anything.engine.device import describe_device
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.nms import box_nms
from napari_segment_anything.engine.point_grid import build_point_grid
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.models.catalogue import CATALOGUE
from napari_segment_anything.models.files import find
from napari_segment_anything.models.load import load_state_dict
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.sam import Sam, build_sam
from napari_segment_anything.networks.state_dict import load_into
from napari_segment_anything.stacks.simulated import SimulatedMovie, simulate_cells
from napari_segment_anything.tracking.linking import link

Work = Callable[[], object]


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    n_rounds: int
    plane_shape: tuple[int, int]
    n_frames: int
    points_per_side: int


FULL = Scale(n_rounds=7, plane_shape=(512, 512), n_frames=24, points_per_side=32)
QUICK = Scale(n_rounds=2, plane_shape=(128, 128), n_frames=6, points_per_side=8)


def measure(name: str, stage: Work, references: dict[str, Work], n_rounds: int) -> dict:
    """Time a stage and its references in turn, after one round to warm up."""
    works = {name: stage, **references}
    seconds: dict[str, list[float]] = {key: [] for key in works}
    for turn in range(n_rounds + 1):
        for key, work in works.items():
            start = time.perf_counter()
            work()
            _wait_for_device()
            if turn:
                seconds[key].append(time.perf_counter() - start)
    medians = {key: statistics.median(values) for key, values in seconds.items()}
    compared = {
        key: {"median_s": medians[key], "ratio": medians[key] / medians[name]}
        for key in references
    }
    print(f"{name:<32} {medians[name] * 1e3:10.1f} ms", flush=True)
    for key, entry in compared.items():
        print(f"  {key:<30} {entry['median_s'] * 1e3:10.1f} ms  ×{entry['ratio']:.2f}")
    return {"median_s": medians[name], "n_rounds": n_rounds, "references": compared}


def _wait_for_device() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def load(name: str, device: str | None) -> tuple[Sam, MaskPredictor, str]:
    """Build a model with its weights, or with random ones where they are absent."""
    entry = CATALOGUE.get(name)
    architecture = entry.architecture if entry else name
    torch.manual_seed(0)
    sam = build_sam(CONFIGS[architecture])
    path = find(entry) if entry else None
    if path is not None:
        load_into(sam, load_state_dict(path))
    predictor = MaskPredictor(sam, device=device, model_name=name)
    return sam, predictor, "published" if path else "random"


def unshared_decode(
    sam: Sam, embedding: ImageEmbedding, prompts: Prompts
) -> tuple[torch.Tensor, torch.Tensor]:
    """Decode as SAM was published: the image side repeated for each prompt."""
    features = embedding.features.float().expand(prompts.n_objects, -1, -1, -1)
    points_xy = embedding.geometry.points_to_frame_xy(prompts.points)
    with torch.inference_mode():
        return sam.decode(
            features.contiguous(),
            points_xy=torch.from_numpy(points_xy).float().to(features.device),
            point_labels=torch.from_numpy(prompts.point_labels).to(features.device),
        )


def plain_everything(
    sam: Sam, image: np.ndarray, predictor: MaskPredictor, settings: AutomaticSettings
) -> int:
    """SAM's everything mode in its published order: upscale all masks, then filter."""
    embedding = predictor.embed(image)
    geometry, size = embedding.geometry, np.array(image.shape[:2])
    points = build_point_grid(settings.points_per_side) * size - 0.5
    boxes, scores = [np.zeros((0, 4), np.int64)], [np.zeros(0, np.float32)]
    for start in range(0, len(points), settings.points_per_batch):
        prompts = grid_prompts(points[start : start + settings.points_per_batch], size)
        logits, iou = unshared_decode(sam, embedding, prompts)
        masks = upscale_all(logits.flatten(0, 1), geometry)
        iou = iou.flatten()
        kept = iou > settings.pred_iou_thresh
        masks, iou = masks[kept], iou[kept]
        offset = settings.stability_score_offset
        high = (masks > offset).sum((1, 2))
        low = (masks > -offset).sum((1, 2)).clamp(min=1)
        kept = (high / low >= settings.stability_score_thresh) & (high > 0)
        boxes.append(mask_boxes((masks[kept] > 0).cpu().numpy()))
        scores.append(iou[kept].cpu().numpy())
    all_boxes = np.concatenate(boxes).astype(np.float32)
    return len(box_nms(all_boxes, np.concatenate(scores), settings.box_nms_thresh))


def upscale_all(logits: torch.Tensor, geometry: FrameGeometry) -> torch.Tensor:
    """Bring low-resolution logits (N, L, L) to the plane (N, H, W), as SAM does."""
    side = geometry.frame_size
    height, width = geometry.scaled_shape
    framed = functional.interpolate(
        logits[:, None], (side, side), mode="bilinear", align_corners=False
    )[..., :height, :width]
    return functional.interpolate(
        framed, geometry.plane_shape, mode="bilinear", align_corners=False
    )[:, 0]


def mask_boxes(masks: np.ndarray) -> np.ndarray:
    """(n, 4) half-open boxes of masks that are not empty."""
    rows, columns = masks.any(2), masks.any(1)
    height, width = masks.shape[1:]
    return np.stack(
        [
            rows.argmax(1),
            columns.argmax(1),
            height - rows[:, ::-1].argmax(1),
            width - columns[:, ::-1].argmax(1),
        ],
        axis=1,
    )


def grid_prompts(points: np.ndarray, shape: Sequence[int]) -> Prompts:
    """Prompts of one point each, kept inside the plane."""
    inside = np.clip(points, 0, np.asarray(shape) - 1).astype(np.float32)
    return Prompts(points=inside[:, None], point_labels=np.ones((len(points), 1), int))


def transformers_works(config_name: str, predictor: MaskPredictor) -> dict[str, Work]:
    """Encode and decode by `transformers`, where it is installed and has the sizes.

    With random weights of its own: the work does not depend on them.
    """
    if config_name != "vit_b":
        return {}
    try:
        from transformers import SamConfig as PeerConfig
        from transformers import SamModel
    except ImportError:
        return {}
    peer = SamModel(PeerConfig()).eval().to(predictor.device)
    pixels = torch.rand(1, 3, 1024, 1024, device=predictor.device)
    features = torch.rand(1, 256, 64, 64, device=predictor.device)

    def encode() -> object:
        with torch.inference_mode():
            return peer.get_image_embeddings(pixels)

    def decode(n_prompts: int) -> object:
        points = torch.rand(1, n_prompts, 1, 2, device=predictor.device) * 1023
        with torch.inference_mode():
            return peer(image_embeddings=features, input_points=points).pred_masks

    return {
        "encode": encode,
        "decode_1": lambda: decode(1),
        "decode_64": lambda: decode(64),
    }


def label_sets(movie: SimulatedMovie) -> list[MaskSet]:
    """Objects of each frame of a movie, from its truth."""
    return [MaskSet.from_labels(labels) for labels in movie.labels]


def centroid_linking(frames: Sequence[MaskSet]) -> Work:
    """Linking of centroids by laptrack with its defaults, the simplest that works."""
    from laptrack import LapTrack

    rows = [
        {"frame": t, "y": y, "x": x}
        for t, frame in enumerate(frames)
        for y, x in frame.centroids
    ]
    table = pd.DataFrame(rows)
    tracker = LapTrack(cutoff=20**2, splitting_cutoff=20**2)
    return lambda: tracker.predict_dataframe(
        table, coordinate_cols=["y", "x"], only_coordinate_cols=False
    )


def benchmark(model: str, device: str | None, *, quick: bool) -> dict:
    """Measure all stages; see the module's first lines."""
    scale = QUICK if quick else FULL
    sam, predictor, weights = load(model, device)
    print(f"{model}, {weights} weights, {describe_device(predictor.device)}")
    peers = {} if quick else transformers_works(predictor.config.name, predictor)
    movie = simulate_cells(scale.n_frames, scale.plane_shape)
    image = movie.images[0]
    embedding = predictor.embed(image)
    points = build_point_grid(8) * np.array(image.shape) - 0.5
    one, many = (grid_prompts(points[:n], image.shape) for n in (1, 64))
    singles = [grid_prompts(points[i : i + 1], image.shape) for i in range(64)]

    def named(stage: str) -> dict[str, Work]:
        return {"transformers SamModel": peers[stage]} if stage in peers else {}

    n = scale.n_rounds
    stages = {
        "encode": measure("encode", lambda: predictor.embed(image), named("encode"), n),
        "decode_1": measure(
            "decode_1",
            lambda: predictor.decode(embedding, one),
            named("decode_1"),
            n * 3,
        ),
        "decode_64": measure(
            "decode_64",
            lambda: predictor.decode(embedding, many),
            {
                "image side not shared": lambda: unshared_decode(sam, embedding, many),
                "one by one": lambda: [predictor.decode(embedding, p) for p in singles],
                **named("decode_64"),
            },
            n,
        ),
    }
    suited = AutomaticSettings.for_model(predictor.config)
    # Both ways by SAM's own rules, so that they do the same work.
    grid = AutomaticMaskGenerator(
        predictor,
        AutomaticSettings(
            points_per_side=scale.points_per_side,
            pred_iou_thresh=suited.pred_iou_thresh,
            stability_score_thresh=suited.stability_score_thresh,
            use_proposals=False,
        ),
    )
    few_rounds = max(2, n // 2)
    stages["everything_grid"] = measure(
        "everything_grid",
        lambda: grid.generate(image),
        {
            "not shared, upscaled first": lambda: plain_everything(
                sam, image, predictor, grid.settings
            )
        },
        few_rounds,
    )
    if predictor.has_proposals:
        proposed = AutomaticMaskGenerator(predictor, suited)
        stages["everything_proposals"] = measure(
            "everything_proposals",
            lambda: proposed.generate(image),
            {"everything_grid": lambda: grid.generate(image)},
            few_rounds,
        )
    frames = label_sets(movie)
    stages["linking"] = measure(
        "linking",
        lambda: link(frames),
        {"laptrack on centroids": centroid_linking(frames)},
        n,
    )
    return {
        "model": model,
        "weights": weights,
        "quick": quick,
        "plane_shape": list(scale.plane_shape),
        "points_per_side": scale.points_per_side,
        "n_frames": scale.n_frames,
        "n_objects": sum(len(frame) for frame in frames),
        "machine": {
            "device": describe_device(predictor.device),
            "processor": platform.processor() or platform.machine(),
            "n_cpus": os.cpu_count(),
            "n_threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "stages": stages,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the options, measure, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, metavar="FILE")
    parser.add_argument("--model", default="nano", choices=sorted({*CATALOGUE, "tiny"}))
    parser.add_argument("--device", default=None)
    parser.add_argument(
        "--quick", action="store_true", help="few rounds of little work"
    )
    options = parser.parse_args(arguments)
    figures = benchmark(options.model, options.device, quick=options.quick)
    options.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
