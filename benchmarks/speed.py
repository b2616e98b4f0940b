"""How long each stage takes, as medians and as ratios to named references.

    python benchmarks/speed.py --json speed.json [--plot speed.png] [--quick]

Stages and their references take turns in one run. A model without a file of weights
here gets random ones; a reference always has the weights of what it is compared to.
References from `transformers` are measured where it is installed (extra `benchmarks`).
"""

import argparse
import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from agreement import agreement_of_models, agreement_on_images, matched_share
from growth import growth, linking
from measuring import CLOCKS, Work, describe_machine, measure
from published_order import (
    one_point_each,
    plain_decode,
    plain_encode,
    plain_everything,
)
from stages import Contest, everything_settings, share_of_stages
from start import start_seconds
from transformers_peer import Peer

from napari_segment_anything.batch.side_by_side import parts_at_once
from napari_segment_anything.engine.automatic import (
    AutomaticMaskGenerator,
    AutomaticSettings,
)
from napari_segment_anything.networks.config import CONFIGS, SamConfig, ViTConfig

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


def encoding(contest: Contest, scale: Scale) -> dict:
    """Encode a plane that fills the model frame."""
    image = contest.image
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None]

    def plainly() -> object:
        return plain_encode(contest.plain, tensor.to(contest.device))

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
        name: AutomaticMaskGenerator(
            predictor, settings, run_parts=parts_at_once(predictor)
        )
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
        name: lambda p=p: AutomaticMaskGenerator(
            p, suited, run_parts=parts_at_once(p)
        ).generate(contest.image, intensity_range=(0, 255))
        for name, p in contest.predictors.items()
    }
    from_grid = AutomaticMaskGenerator(
        predictor, grid, run_parts=parts_at_once(predictor)
    )
    return measure(
        "everything_proposals",
        run,
        {"everything_grid": lambda: from_grid.generate(contest.image)},
        max(1, scale.n_rounds // 2),
        scale.clock,
    )


def benchmark_model(
    config: SamConfig, scale: Scale, options: argparse.Namespace
) -> dict:
    """Measure the stages of one model."""
    stages = options.stages
    peer = Peer if has_transformers() else None
    contest = Contest.create(config, options.device, peer, options.plane_side)
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
        if options.data and contest.weights == "published":
            figures["agreement"]["on_images"] = agreement_on_images(
                contest, options.data, options.sets
            )
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
    parser.add_argument(
        "--data", type=Path, help="sets of real images to compare precisions on"
    )
    parser.add_argument("--sets", nargs="+", default=["dsb2018"])
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
    parser.add_argument(
        "--plane-side",
        type=int,
        help="of the plane in everything mode, instead of that of the model frame",
    )
    options = parser.parse_args(arguments)
    if options.plane_side and set(options.stages) != {"everything"}:
        parser.error("--plane-side goes with --stages everything alone")
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
            SMALL if name == "small" else CONFIGS[name], scale, options
        )
        for name in names
    }
    if "linking" in options.stages:
        figures["linking"] = linking(scale.n_frames, scale.n_rounds, scale.clock)
    options.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    if options.plot:
        from speed_plot import plot_ratios

        plot_ratios(figures, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
