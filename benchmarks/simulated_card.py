"""How busy series of planes keep a card that is not there.

    python benchmarks/simulated_card.py [--json FILE] [--planes 200]

The card is a sleep: to encode a plane, to decode a batch of prompts, to upscale and
code its masks takes as long as it is told, one after the other, and leaves the
processor free. What reads, hashes, prepares, fetches, stores, filters, paints and
writes is that of a real job; so this tells, without a card, whether any of it holds one
up. Candidates are as many as SAM has: three for each point of a grid of 32 x 32, most
of them above the floors of a job, of which about 150 objects stay. By default a plane
takes the card as long as ViT-H takes an H200.
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
import numpy.typing as npt
import torch
from card_series import drive, movie_on_disk
from card_use import covered

from napari_segment_anything.batch import encode_ahead, segment, side_by_side
from napari_segment_anything.batch.embed import embed_stack
from napari_segment_anything.batch.segment import segment_stack
from napari_segment_anything.engine import crop_search, memory, promising
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.card_masks import StableMasks
from napari_segment_anything.engine.coded_masks import CodedMasks
from napari_segment_anything.engine.mask_logits import crop_tightly
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

# Of a plane to be encoded; of 64 prompts to be decoded, and their masks to be made.
ENCODE_SECONDS, DECODE_SECONDS, MASK_SECONDS = 0.0132, 0.0018, 0.0056
_N_OBJECTS_PER_SIDE = 12
# Readings of an object: a part of it, itself, and it with what is around.
_RADII = 10.0, 22.0, 34.0
_SCORES = (0.6, 0.65), (0.9, 0.95), (0.5, 0.3)  # predicted IoU, stability
_FREE_BYTES, _BYTES_OF_AN_IMAGE = 64 * 2**30, 200 * 2**20


class SimulatedCard(torch.nn.Module):
    """Networks of the size of a ViT's that take time, and find a cell at each point.

    Logits (n, 3, 4, 4) say by their value which mask of the plane they are, in the
    order of `masks`: three of each object. So far they are not upscaled.
    """

    def __init__(
        self, encode_seconds: float, decode_seconds: float, mask_seconds: float = 0.0
    ) -> None:
        super().__init__()
        self.config = CONFIGS["vit_b"]
        self.busy: list[dict[str, float]] = []
        self._encode_seconds, self._decode_seconds = encode_seconds, decode_seconds
        self._mask_seconds = mask_seconds
        self._card = threading.Lock()
        size, dim = self.config.embedding_size, self.config.transformer_dim
        self._features = torch.randn(1, dim, size, size)
        self.boxes, self.masks = _cells(self.config.image_size)

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """Wait as long as these images take; (n, C, h, w) features."""
        self._work(len(images) * self._encode_seconds)
        return self._features.expand(len(images), -1, -1, -1)

    def decode(
        self, embedding: torch.Tensor, *, points_xy: torch.Tensor, **_: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Wait as long as a batch takes; (n, 3, 4, 4) numbers of masks, (n, 3) IoUs."""
        self._work(self._decode_seconds)
        side = self.config.image_size / _N_OBJECTS_PER_SIDE
        x, y = (points_xy[:, 0] // side).long().T
        masks = (y * _N_OBJECTS_PER_SIDE + x)[:, None] * 3 + torch.arange(3)
        logits = (masks + 2.0)[..., None, None].expand(-1, -1, 4, 4)
        # No two prompts are thought of equally.
        better = points_xy.sum((1, 2)) / points_xy.sum((1, 2)).max() * 0.04
        iou = torch.tensor([iou for iou, _ in _SCORES])
        return logits, iou + better[:, None]

    def stable_masks(
        self, logits: torch.Tensor, *_: object, **__: object
    ) -> list[StableMasks]:
        """Wait as long as a batch of masks takes; those that these logits stand for."""
        self._work(self._mask_seconds)
        which = logits[:, 0, 0].long().numpy() - 2
        stability = np.array([stability for _, stability in _SCORES], np.float32)
        masks = self.masks.select(which)
        return [
            StableMasks(
                np.arange(len(which)),
                self.boxes[which],
                masks,
                stability[which % 3],
                masks.areas,
            )
        ]

    def _work(self, seconds: float) -> None:
        with self._card:
            start = time.perf_counter()
            time.sleep(seconds)
            took = time.perf_counter() - start
            self.busy.append({"ts": start, "dur": took})


def _cells(side: int) -> tuple[npt.NDArray[np.int64], CodedMasks]:
    """Three masks each of cells in a grid: boxes (n, 4), and what is in them."""
    rng = np.random.default_rng(0)
    boxes, masks = [], []
    step = side / _N_OBJECTS_PER_SIDE
    y, x = np.mgrid[:side, :side].astype(np.float32)
    for number in range(_N_OBJECTS_PER_SIDE**2):
        row, column = divmod(number, _N_OBJECTS_PER_SIDE)
        place = (
            slice(int(row * step), int((row + 1) * step)),
            slice(int(column * step), int((column + 1) * step)),
        )
        dy, dx = y[place] - (row + 0.5) * step, x[place] - (column + 0.5) * step
        angle, phase = np.arctan2(dy, dx), rng.uniform(0, 6.28, 2)
        wobble = 1 + 0.1 * np.cos(3 * angle + phase[0])
        wobble += 0.05 * np.cos(7 * angle + phase[1])
        for radius in _RADII:
            corner = place[0].start, place[1].start
            mask = np.hypot(dy, dx) < radius * wobble
            tight = crop_tightly(mask, (*corner, *np.add(corner, mask.shape)))
            assert tight is not None
            boxes.append(tight[0])
            masks.append(tight[1])
    return np.array(boxes), CodedMasks.encode(masks)


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
    mask_seconds: float = MASK_SECONDS,
) -> dict:
    """Share of time in which a card works, from planes to labels."""
    settings = AutomaticSettings(
        use_proposals=False,
        tile=False,
        pred_iou_thresh=0.8,
        stability_score_thresh=0.9,
    )
    card = SimulatedCard(encode_seconds, decode_seconds, mask_seconds)

    def job(stack: Stack, predictor: MaskPredictor, place: Path) -> Generator:
        labels = place / "labels.ome.zarr"
        return segment_stack(
            stack, predictor, settings=settings, output=labels, copy_image=False
        )

    with ExitStack() as patches:
        for name, value in (
            ("upscales_on", lambda _: True),
            ("stable_masks_that_fit", card.stable_masks),
            ("_POINTS_TOGETHER_ON_CPU", settings.points_per_batch),
        ):
            patches.enter_context(mock.patch.object(crop_search, name, value))
        patches.enter_context(mock.patch.object(promising, "_MASKS_TOGETHER", 2**20))
        return _measured(job, card, n_planes)


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
