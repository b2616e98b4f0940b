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
from functools import cached_property
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from card_series import drive, movie_on_disk
from card_use import covered
from cells import cell_logits, cell_settings, cells_at, iou_of

from napari_segment_anything.batch import encode_ahead, segment, side_by_side
from napari_segment_anything.batch.embed import embed_stack
from napari_segment_anything.batch.segment import segment_stack
from napari_segment_anything.engine import crop_search, memory, promising
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.card_masks import StableMasks
from napari_segment_anything.engine.coded_masks import CodedMasks
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.mask_logits import stable_mask_in_plane
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

# Of a plane to be encoded; of 64 prompts to be decoded, and their masks to be made.
ENCODE_SECONDS, DECODE_SECONDS, MASK_SECONDS = 0.0132, 0.0018, 0.0056
# No logit is so small that its mask would count as unstable.
_FIRST = 2
_FREE_BYTES, _BYTES_OF_AN_IMAGE = 64 * 2**30, 200 * 2**20


class SimulatedCard(torch.nn.Module):
    """Networks of the size of a ViT's that take time, and find a cell at each point.

    Logits (n, 3, 4, 4) say by their value which mask of the plane they are: three of
    each cell. So far they are not upscaled.
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

    @cached_property
    def masks(self) -> StableMasks:
        """The masks of all cells, as a card would code them."""
        side = self.config.image_size
        logits, geometry = cell_logits(self.config), FrameGeometry((side, side), side)
        found = [
            stable_mask_in_plane(one, geometry, offset=1.0, order="F")
            for one in logits.flatten(0, 1).numpy()
        ]
        boxes, masks, stability = zip(*(one for one in found if one), strict=True)
        coded = CodedMasks.encode(masks)
        return StableMasks(
            np.arange(len(found)),
            np.array(boxes),
            coded,
            np.array(stability, np.float32),
            coded.areas,
        )

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """Wait as long as these images take; (n, C, h, w) features."""
        self._work(len(images) * self._encode_seconds)
        return self._features.expand(len(images), -1, -1, -1)

    def decode(
        self, embedding: torch.Tensor, *, points_xy: torch.Tensor, **_: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Wait as long as a batch takes; (n, 3, 4, 4) numbers of masks, (n, 3) IoUs."""
        self._work(self._decode_seconds)
        numbers = cells_at(points_xy, self.config)[:, None] * 3 + torch.arange(3)
        logits = (numbers + _FIRST).float()[..., None, None].expand(-1, -1, 4, 4)
        return logits, iou_of(points_xy)

    def stable_masks(
        self, logits: torch.Tensor, *_: object, **__: object
    ) -> StableMasks:
        """Wait as long as a batch of masks takes; those that these logits stand for."""
        self._work(self._mask_seconds)
        which = logits[:, 0, 0].long().numpy() - _FIRST
        return StableMasks(
            np.arange(len(which)),
            self.masks.boxes[which],
            self.masks.masks.select(which),
            self.masks.stability[which],
            self.masks.areas[which],
        )

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
    mask_seconds: float = MASK_SECONDS,
) -> dict:
    """Share of time in which a card works, from planes to labels."""
    settings = cell_settings(AutomaticSettings().points_per_side)
    card = SimulatedCard(encode_seconds, decode_seconds, mask_seconds)
    _ = card.masks  # before the time is taken

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
