"""How long each stage takes, as medians and as ratios to named references.

    python benchmarks/speed.py --json speed.json [--plot speed.png] [--quick]

Stages and their references take turns in one run. A model without a file of weights
here gets random ones; a reference always has the weights of what it is compared to.
References from `transformers` are measured where it is installed (extra `benchmarks`).
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from agreement import agreement_of_models, matched_share
from measuring import CLOCKS, Work, describe_machine, growth_exponent, measure
from published_order import one_point_each, plain_decode, plain_everything
from stages import Contest, everything_settings, share_of_stages
from transformers_peer import Peer

from napari_segment_anything.engine.automatic import (
    AutomaticMaskGenerator,
    AutomaticSettings,
)
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.nms import box_nms
from napari_segment_anything.networks.config import CONFIGS, SamConfig, ViTConfig
from napari_segment_anything.stacks.simulated import simulate_cells
from napari_segment_anything.tracking.linking import link

STAGES = ("start", "agreement", "encode", "decode", "everything", "linking", "growth")
# A vision transformer small enough to try the benchmark on any machine.
SMALL = SamConfig(
    "small",
    ViTConfig(64, 4, 2, (1, 3), window_size=6),
    image_size=256,
    transformer_dim=64,
    transformer_mlp_dim=128,
    iou_head_hidden_dim=64,
)


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    n_rounds: int
    n_many_prompts: int
    n_frames: int
    points_per_side: int
    clock: str = "wall"


FULL = Scale(n_rounds=5, n_many_prompts=64, n_frames=24, points_per_side=32)
QUICK = Scale(n_rounds=1, n_many_prompts=8, n_frames=6, points_per_side=6)


def start_seconds(n_rounds: int) -> dict[str, float]:
    """Time importing the package, and loading the bundled model after torch."""
    codes = {
        "import_package_s": "import napari_segment_anything as package",
        "load_bundled_after_torch_s": (
            "import napari_segment_anything.models.load as m; m.load_model('nano')"
        ),
    }
    preludes = {"load_bundled_after_torch_s": "import torch, safetensors.torch; "}
    result = {}
    for name, code in codes.items():
        program = (
            f"import time; {preludes.get(name, '')}start = time.perf_counter(); "
            f"{code}; print(time.perf_counter() - start)"
        )
        seconds = [
            float(subprocess.check_output([sys.executable, "-c", program]))
            for _ in range(n_rounds)
        ]
        result[name] = statistics.median(seconds)
        print(f"{name:<36} {result[name] * 1e3:10.1f} ms", flush=True)
    return result


def encoding(contest: Contest, scale: Scale) -> dict:
    """Encode a plane that fills the model frame."""
    image = contest.image
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None]

    def plainly() -> object:
        with torch.inference_mode():
            return contest.plain.encode(tensor.to(contest.device))

    references: dict[str, Work] = {} if contest.peers else {"unprepared": plainly}
    for name, peer in contest.peers.items():
        references[name] = lambda peer=peer: peer.encode(tensor)
    own = {
        name: lambda predictor=predictor: predictor.embed(
            image, intensity_range=(0, 255)
        )
        for name, predictor in contest.predictors.items()
    }
    return measure("encode", own, references, scale.n_rounds, scale.clock)


def decoding(contest: Contest, scale: Scale, n_prompts: int) -> dict:
    """Decode prompts of one point each."""
    points = np.random.default_rng(0).uniform(0, min(contest.shape) - 1, (n_prompts, 2))
    prompts = one_point_each(points)
    points_xy = torch.from_numpy(points[:, None, ::-1].copy()).float()
    embedding = contest.embeddings["float32"]
    references: dict[str, Work] = {}
    if not contest.peers:
        references["image side not shared"] = lambda: plain_decode(
            contest.plain, embedding, prompts
        )
    for name, peer in contest.peers.items():
        references[name] = lambda peer=peer: peer.decode(embedding.features, points_xy)
    own = {
        name: lambda predictor=predictor, name=name: predictor.decode(
            contest.embeddings[name], prompts
        )
        for name, predictor in contest.predictors.items()
    }
    n_rounds = scale.n_rounds * (3 if n_prompts == 1 else 1)
    return measure(f"decode_{n_prompts}", own, references, n_rounds, scale.clock)


def everything(contest: Contest, scale: Scale) -> dict:
    """Everything mode by SAM's own rules, from a grid of points."""
    image = contest.image
    settings = everything_settings(contest, scale.points_per_side)
    generators = {
        name: AutomaticMaskGenerator(predictor, settings)
        for name, predictor in contest.predictors.items()
    }
    results: dict[str, object] = {}

    def keep(name: str, work: Work) -> Work:
        def run() -> None:
            results[name] = work()

        return run

    own = {
        name: keep(name, lambda g=g: g.generate(image, intensity_range=(0, 255)))
        for name, g in generators.items()
    }
    references: dict[str, Work] = {}
    if contest.peers:
        # Its pipeline with the faster attention of the two.
        name, peer = list(contest.peers.items())[-1]
        references[f"{name} pipeline"] = keep(
            "peer", lambda: peer.everything(image, settings)
        )
    else:
        references["published order"] = lambda: plain_everything(
            contest.predictors["float32"], contest.plain, image, settings
        )
    n_rounds = max(1, scale.n_rounds // 3)
    figures = measure("everything_grid", own, references, n_rounds, scale.clock)
    figures["settings"] = {
        "points_per_side": settings.points_per_side,
        "pred_iou_thresh": settings.pred_iou_thresh,
        "stability_score_thresh": settings.stability_score_thresh,
    }
    for name in own:
        found = results[name]
        figures["variants"][name]["n_masks"] = len(found)
        if "peer" in results:
            share = matched_share(found, results["peer"])
            figures["variants"][name]["masks_of_reference_found"] = share
            print(f"  {name}: {share:.4f} of the reference's masks at IoU >= 0.99")
    figures["shares"] = share_of_stages(contest, settings)
    return figures


def proposals(contest: Contest, scale: Scale) -> dict | None:
    """Everything mode from the proposal head, against the grid."""
    predictor = contest.predictors["float32"]
    if not predictor.has_proposals:
        return None
    suited = AutomaticSettings.for_model(predictor.config)
    grid = everything_settings(contest, scale.points_per_side)
    run = {
        name: lambda p=p: AutomaticMaskGenerator(p, suited).generate(
            contest.image, intensity_range=(0, 255)
        )
        for name, p in contest.predictors.items()
    }
    from_grid = AutomaticMaskGenerator(predictor, grid)
    return measure(
        "everything_proposals",
        run,
        {"everything_grid": lambda: from_grid.generate(contest.image)},
        max(1, scale.n_rounds // 2),
        scale.clock,
    )


def linking(scale: Scale) -> dict:
    """Linking, against centroids linked by laptrack's defaults."""
    from laptrack import LapTrack

    movie = simulate_cells(scale.n_frames, (512, 512))
    frames = [MaskSet.from_labels(labels) for labels in movie.labels]
    rows = [
        {"frame": t, "y": y, "x": x}
        for t, frame in enumerate(frames)
        for y, x in frame.centroids
    ]
    tracker = LapTrack(cutoff=20**2, splitting_cutoff=20**2)
    columns = {"coordinate_cols": ["y", "x"], "only_coordinate_cols": False}
    table = pd.DataFrame(rows)
    return measure(
        "linking",
        {"link": lambda: link(frames)},
        {"laptrack on centroids": lambda: tracker.predict_dataframe(table, **columns)},
        scale.n_rounds,
        scale.clock,
    )


def growth(contest: Contest, *, quick: bool) -> dict[str, float]:
    """Exponents p of time ~ size^p."""
    predictor = contest.predictors["float32"]
    factors = [1, 2] if quick else [1, 2, 4]
    generator = np.random.default_rng(0)
    embedding = contest.embeddings["float32"]

    def decode(n: int) -> Work:
        prompts = one_point_each(generator.uniform(0, min(contest.shape) - 1, (n, 2)))
        return lambda: predictor.decode(embedding, prompts)

    def suppress(n: int) -> Work:
        corners = generator.uniform(0, 100 * n**0.5, (n, 2))
        boxes = np.concatenate([corners, corners + 30], 1)
        scores = generator.random(n)
        return lambda: box_nms(boxes, scores, 0.7)

    def track(n: int) -> Work:
        # A larger field with more cells, at the same density.
        shape = (128 * n, 256)
        movie = simulate_cells(4, shape)
        frames = [MaskSet.from_labels(labels) for labels in movie.labels]
        return lambda: link(frames)

    def embed(n: int) -> Work:
        return lambda: [
            predictor.embed(contest.image, intensity_range=(0, 255)) for _ in range(n)
        ]

    works = {
        "planes, time of all": ([1 * f for f in factors], embed),
        "prompts, time of all": ([8 * f for f in factors], decode),
        "boxes, suppression": ([500 * f for f in factors], suppress),
        "area with objects, linking": ([2 * f for f in factors], track),
    }
    result = {}
    for name, (sizes, make) in works.items():
        result[name] = growth_exponent(sizes, [make(n) for n in sizes])
        print(f"growth with {name:<30} {result[name]:.2f}", flush=True)
    return result


def benchmark_model(
    config: SamConfig, scale: Scale, stages: Sequence[str], device: str | None
) -> dict:
    """Measure the stages of one model."""
    contest = Contest.create(config, device, Peer if has_transformers() else None)
    print(f"\n{config.name}, {contest.weights} weights", flush=True)
    figures: dict = {
        "weights": contest.weights,
        "plane_shape": list(contest.shape),
        "precisions": list(contest.predictors),
        "references": list(contest.peers),
        "stages": {},
    }
    measured = figures["stages"]
    if "agreement" in stages:
        figures["agreement"] = agreement_of_models(contest)
        print(json.dumps(figures["agreement"], indent=1), flush=True)
    if "encode" in stages:
        measured["encode"] = encoding(contest, scale)
    if "decode" in stages:
        for n in (1, scale.n_many_prompts):
            measured[f"decode_{n}"] = decoding(contest, scale, n)
    if "everything" in stages:
        measured["everything_grid"] = everything(contest, scale)
        found = proposals(contest, scale)
        if found:
            measured["everything_proposals"] = found
    if "growth" in stages:
        figures["growth"] = growth(contest, quick=scale.n_frames == QUICK.n_frames)
    return figures


def has_transformers() -> bool:
    """Whether `transformers` is installed."""
    return importlib.util.find_spec("transformers") is not None


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the options, measure, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="a picture of ratios")
    parser.add_argument("--models", nargs="+", choices=[*CONFIGS, "small"])
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--rounds", type=int, help="instead of 5")
    parser.add_argument(
        "--points-per-side", type=int, help="of the grid, instead of 32"
    )
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu: on a busy machine"
    )
    parser.add_argument("--device")
    parser.add_argument(
        "--quick", action="store_true", help="small models, one round of little work"
    )
    options = parser.parse_args(arguments)
    base = QUICK if options.quick else FULL
    scale = Scale(
        n_rounds=options.rounds or base.n_rounds,
        n_many_prompts=base.n_many_prompts,
        n_frames=base.n_frames,
        points_per_side=options.points_per_side or base.points_per_side,
        clock=options.clock,
    )
    names = options.models or (
        ["tiny", "small"] if options.quick else ["nano", "vit_b"]
    )
    figures: dict = {"quick": options.quick, "points_per_side": scale.points_per_side}
    figures["machine"] = describe_machine(torch.device(options.device or "cpu"))
    print(json.dumps(figures["machine"]), flush=True)
    if not has_transformers():
        print("transformers is not installed: no reference from it")
    if "start" in options.stages:
        figures["start"] = start_seconds(scale.n_rounds)
    figures["models"] = {
        name: benchmark_model(
            SMALL if name == "small" else CONFIGS[name],
            scale,
            options.stages,
            options.device,
        )
        for name in names
    }
    if "linking" in options.stages:
        figures["linking"] = linking(scale)
    options.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    if options.plot:
        from speed_plot import plot_ratios

        plot_ratios(figures, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
