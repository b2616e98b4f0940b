"""How busy series of planes keep a card that is not there.

    python benchmarks/simulated_card.py [--json FILE] [--planes 200]

The card is a sleep: to encode a plane, or to decode a batch of prompts, takes as long
as it is told, one after the other, and leaves the processor free. What reads, hashes,
prepares, fetches, writes and sorts masks is that of a real job; so this tells, without
a card, whether any of it holds one up. Masks are made on the processor here, as they
are without a card: of segmentation the figure is a lower bound.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from card_series import drive, movie_on_disk
from card_use import covered

from napari_segment_anything.batch import encode_ahead, segment, side_by_side
from napari_segment_anything.batch.embed import embed_stack
from napari_segment_anything.batch.segment import segment_stack
from napari_segment_anything.engine import memory
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

ENCODE_SECONDS, DECODE_SECONDS = 0.020, 0.005
# About a hundred masks are found on a plane.
_POINTS_PER_SIDE, _BLOB_SIDE, _STEEPNESS = 10, 12, 40.0
_FREE_BYTES, _BYTES_OF_AN_IMAGE = 64 * 2**30, 200 * 2**20


class SimulatedCard(torch.nn.Module):
    """Networks of the size of a ViT's that take time, and find a disk at each point."""

    def __init__(self, encode_seconds: float, decode_seconds: float) -> None:
        super().__init__()
        self.config = CONFIGS["vit_b"]
        self.busy: list[dict[str, float]] = []
        self._encode_seconds, self._decode_seconds = encode_seconds, decode_seconds
        self._card = threading.Lock()
        size, dim = self.config.embedding_size, self.config.transformer_dim
        self._features = torch.randn(1, dim, size, size)
        steps = torch.arange(_BLOB_SIDE) - (_BLOB_SIDE - 1) / 2
        distance = torch.hypot(steps[:, None], steps[None])
        self._disk = _STEEPNESS * (_BLOB_SIDE / 2 - 1 - distance)

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """Wait as long as these images take; (n, C, h, w) features."""
        self._work(len(images) * self._encode_seconds)
        return self._features.expand(len(images), -1, -1, -1)

    def decode(
        self, embedding: torch.Tensor, *, points_xy: torch.Tensor, **_: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Wait as long as a batch takes; (n, 3, L, L) logits of disks, (n, 3) IoUs."""
        self._work(self._decode_seconds)
        side = self.config.low_res_size
        logits = torch.full((len(points_xy), 3, side, side), -_STEEPNESS)
        corners = points_xy[:, 0] * (side / self.config.image_size) - _BLOB_SIDE / 2
        for one, corner in zip(logits, corners.round().int().tolist(), strict=True):
            x, y = (min(max(0, at), side - _BLOB_SIDE) for at in corner)
            one[:, y : y + _BLOB_SIDE, x : x + _BLOB_SIDE] = self._disk
        iou = torch.tensor([0.95, 0.1, 0.1]).expand(len(points_xy), 3)
        return logits, iou

    def _work(self, seconds: float) -> None:
        with self._card:
            start = time.perf_counter()
            time.sleep(seconds)
            took = time.perf_counter() - start
            self.busy.append({"ts": start, "dur": took})


@contextmanager
def taken_for_a_card(n_threads: int | None = None) -> Iterator[None]:
    """Have jobs take the CPU for a card with ample memory; all processors help."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads or os.cpu_count() or 1)
    with ExitStack() as patches:
        for module in (encode_ahead, segment, side_by_side):
            patches.enter_context(
                mock.patch.object(module, "is_on_card", return_value=True)
            )
        for module, name in ((side_by_side, "free_bytes"), (memory, "free_bytes")):
            patches.enter_context(
                mock.patch.object(module, name, return_value=_FREE_BYTES)
            )
        patches.enter_context(
            mock.patch.object(memory.PeakMemory, "bytes", _BYTES_OF_AN_IMAGE)
        )
        try:
            yield
        finally:
            torch.set_num_threads(before)


def embedding(n_planes: int, encode_seconds: float = ENCODE_SECONDS) -> dict:
    """Share of time in which a card encodes, from planes on disk to a store on disk."""

    def job(stack: Stack, predictor: MaskPredictor, place: Path) -> Generator:
        return embed_stack(stack, predictor, store=ZarrEmbeddingStore(place / "store"))

    return _measured(job, SimulatedCard(encode_seconds, 0.0), n_planes)


def segmentation(
    n_planes: int,
    encode_seconds: float = ENCODE_SECONDS,
    decode_seconds: float = DECODE_SECONDS,
) -> dict:
    """Share of time in which a card encodes or decodes, from planes to labels."""
    settings = AutomaticSettings(
        points_per_side=_POINTS_PER_SIDE, use_proposals=False, tile=False
    )

    def job(stack: Stack, predictor: MaskPredictor, place: Path) -> Generator:
        labels = place / "labels.ome.zarr"
        return segment_stack(
            stack, predictor, settings=settings, output=labels, copy_image=False
        )

    return _measured(job, SimulatedCard(encode_seconds, decode_seconds), n_planes)


def _measured(job, card: SimulatedCard, n_planes: int) -> dict:  # noqa: ANN001
    predictor = MaskPredictor(card, device="cpu", model_name="simulated")
    with tempfile.TemporaryDirectory() as folder, taken_for_a_card():
        place = Path(folder)
        movie = movie_on_disk(place / "movie.zarr", card.config.image_size, n_planes)
        warm = Stack(np.asarray(movie[:2]), "TYX", name="warm")
        drive(job(warm, predictor, place / "warm"), np.inf)
        card.busy.clear()
        start, cpu = time.perf_counter(), time.process_time()
        stack = Stack(movie, "TYX", name="movie")
        driven = drive(job(stack, predictor, place / "all"), np.inf)
        seconds = time.perf_counter() - start
        cpu = time.process_time() - cpu
    first = min(event["ts"] for event in card.busy)
    last = max(event["ts"] + event["dur"] for event in card.busy)
    return {
        "n_planes": driven.n_done,
        "n_objects": getattr(driven.result, "n_objects", None),
        "seconds": seconds,
        "cpu_ms_a_plane": cpu / driven.n_done * 1e3,
        "busy_share": covered(card.busy) / seconds,
        "busy_share_between_first_and_last": covered(card.busy) / (last - first),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the options, measure, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--planes", type=int, default=200)
    options = parser.parse_args(arguments)
    figures = {
        "embedding": embedding(options.planes),
        "segmentation": segmentation(options.planes),
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
