"""Encoder and decoder on a graphics card, and what they do as its memory runs out."""

import copy
import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from card_use import kernels_of
from measuring import extra_memory, matrix_product_rate, seconds_of
from published_order import one_point_each
from speed import SMALL
from stages import Contest
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from transformers_peer import Peer

from napari_segment_anything.engine.placed_sam import PlacedSam
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.networks.config import CONFIGS

_BATCHES = (1, 2, 4, 8)
_N_PROFILED = 4
# Of what a batch takes beyond the weights: too little for it, for one plane, at all.
_SHARES_OF_MEMORY = (1.2, 0.6, 0.2, 0.01)
Forms = dict[str, Callable[[], object]]


def encoder(contest: Contest, is_quick: bool) -> dict:
    """Rate of the image encoder, by batch and by how its kernels are launched."""
    device = contest.device
    sam = contest.predictors["bfloat16"]._sam
    image = _image(contest)
    found: dict = {"batches": {}}
    with torch.inference_mode():
        # Ours folds biases into wider products on a card; those do not count.
        counted = [peer.encode for peer in contest.peers.values()]
        with FlopCounterMode(display=False) as counter:
            (counted or [contest.plain.encode])[0](image)
        flops = found["gflop_a_plane"] = counter.get_total_flops() / 1e9
        for n in _BATCHES[: 2 if is_quick else None]:
            images = image.expand(n, -1, -1, -1).contiguous()
            peak, first = extra_memory(
                lambda images=images: seconds_of(lambda: sam.encode(images))
            )
            forms: Forms = {"eager": lambda images=images: sam.encode(images)}
            if device.type == "cuda":
                forms["graph"] = captured(lambda images=images: sam.encode(images))
            entry = found["batches"][str(n)] = {"first_s": first, "mib": peak / 2**20}
            for name, work in forms.items():
                entry[name] = _rate(work, n, flops, 1 if is_quick else 10)
                print(f"encoder, {n} together, {name}: {entry[name]}", flush=True)
            del forms
        images = image.expand(_N_PROFILED, -1, -1, -1).contiguous()
        found["kernels"] = kernels_of(lambda: sam.encode(images), device)
        for name, peer in contest.peers.items():
            found[name] = _rate(lambda peer=peer: peer.encode(image), 1, flops, 3)
    rate = matrix_product_rate(device, torch.bfloat16)
    found["matrix_product_gflops"] = rate
    found["best_share_of_matrix_product"] = max(
        entry[form]["gflops"] / rate
        for entry in found["batches"].values()
        for form in ("eager", "graph")
        if form in entry
    )
    return found


def compiled(contest: Contest) -> dict | None:
    """Rate of the image encoder after `torch.compile`, and how long that takes."""
    if contest.device.type != "cuda":
        return None
    sam = contest.predictors["bfloat16"]._sam
    images = _image(contest).expand(_N_PROFILED, -1, -1, -1).contiguous()
    with torch.inference_mode():
        encode = torch.compile(sam.encode)
        first = seconds_of(lambda: encode(images))
        best = min(seconds_of(lambda: encode(images)) for _ in range(10))
        eager = min(seconds_of(lambda: sam.encode(images)) for _ in range(10))
        return {
            "n_together": _N_PROFILED,
            "first_s": first,
            "ms_a_plane": best / _N_PROFILED * 1e3,
            "gain_over_eager": eager / best,
            "kernels": kernels_of(lambda: encode(images), contest.device),
        }


def captured(work: Callable[[], object]) -> Callable[[], None]:
    """Work as a CUDA graph: its kernels are launched all at once."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(2):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def one_prompt(contest: Contest, is_quick: bool) -> dict:
    """Milliseconds from one point to its masks.

    As a predictor answers: the first prompt step by step, the second one while its
    steps are captured, where they can be, the others from the graph.
    """
    predictor = contest.predictors["bfloat16"]
    embedding = contest.embeddings["bfloat16"]
    prompts = one_point_each(np.array([[min(contest.shape) / 2] * 2]))
    n = 3 if is_quick else 50

    def median_ms(work: Callable[[], object]) -> float:
        return float(np.median([seconds_of(work) for _ in range(n)][1:])) * 1e3

    def answer() -> object:
        return predictor.decode(embedding, prompts)[0].cpu()

    found: dict = {
        "first_ms": seconds_of(answer) * 1e3,
        "second_ms": seconds_of(answer) * 1e3,
        "median_ms": median_ms(answer),
        "with_masks_of_the_plane_ms": median_ms(
            lambda: predictor.predict(embedding, prompts)
        ),
        "step_by_step_ms": median_ms(_steps(contest)),
        "kernels": kernels_of(answer, contest.device),
    }
    points_xy = torch.full((1, 1, 2), min(contest.shape) / 2)
    exact = contest.embeddings["float32"].features
    for name, peer in contest.peers.items():
        found[f"{name}_ms"] = median_ms(partial(_masks_of_peer, peer, exact, points_xy))
    return found


def _masks_of_peer(peer: Peer, features: Tensor, points_xy: Tensor) -> Tensor:
    return peer.decode(features, points_xy)[0].cpu()


def _steps(contest: Contest) -> Callable[[], object]:
    """Decode one point without a graph."""
    sam = contest.predictors["bfloat16"]._sam
    features = contest.embeddings["bfloat16"].features
    xy = torch.full((1, 1, 2), min(contest.shape) / 2, device=contest.device)
    labels = torch.ones(1, 1, dtype=torch.int64, device=contest.device)

    def work() -> object:
        with torch.inference_mode():
            return sam.decode(features, points_xy=xy, point_labels=labels)[0].cpu()

    return work


def little_memory(device: torch.device, is_quick: bool) -> list[dict]:
    """Encode a batch with ever less memory; what is told, and how right the answer is.

    On a CPU memory cannot be made less, and nothing is told.
    """
    # One that a CPU, which it comes to in the end, encodes with in some seconds.
    config = SMALL if is_quick else CONFIGS["vit_t"]
    contest = Contest.create(config, str(device), None)
    planes = [contest.image] * 4
    exact = contest.embeddings["float32"].features.cpu()
    spare = copy.deepcopy(contest.predictors["float32"]._sam).cpu()
    del contest
    peak = _peak_of(MaskPredictor(copy.deepcopy(spare), device=device), planes)
    weights = sum(x.numel() * x.element_size() for x in spare.parameters())
    told = []
    try:
        for share in _SHARES_OF_MEMORY:
            # What falls back to the CPU stays there: each has a copy of its own.
            sam = copy.deepcopy(spare)
            _limit_memory(device, weights + share * peak)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                start = time.perf_counter()
                predictor = MaskPredictor(PlacedSam(sam, device))
                found = predictor.embed_batch(planes, (0, 255))[0].features.cpu()
            told.append(
                {
                    "share_of_what_a_batch_takes": share,
                    "told": [str(warning.message) for warning in caught],
                    "device": str(predictor.device),
                    "embedding_error": float((found - exact).norm() / exact.norm()),
                    "seconds": time.perf_counter() - start,
                }
            )
            del predictor, sam
    finally:
        # What is measured next is to have all of it.
        _limit_memory(device, None)
    return told


def _peak_of(predictor: MaskPredictor, planes: list[np.ndarray]) -> float:
    return extra_memory(lambda: predictor.embed_batch(planes, (0, 255)))[0]


def _limit_memory(device: torch.device, n_bytes: float | None) -> None:
    """Let this process ask for so many bytes more than it has; None for all."""
    if device.type != "cuda":
        return
    torch.cuda.empty_cache()
    share = 1.0
    if n_bytes is not None:
        total = torch.cuda.get_device_properties(device).total_memory
        share = min(1.0, (torch.cuda.memory_reserved(device) + n_bytes) / total)
    torch.cuda.set_per_process_memory_fraction(share, torch.cuda.current_device())


def _image(contest: Contest) -> Tensor:
    pixels = torch.from_numpy(contest.image).permute(2, 0, 1)[None]
    return pixels.to(contest.device).float()


def _rate(work: Callable[[], object], n: int, gflop: float, n_times: int) -> dict:
    seconds = sorted(seconds_of(work) for _ in range(n_times))
    return {
        "ms_a_plane": seconds[0] / n * 1e3,
        "median_ms_a_plane": float(np.median(seconds)) / n * 1e3,
        "gflops": gflop * n / seconds[0],
    }
