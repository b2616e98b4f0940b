"""How long a click waits for its mask, and the window for everything else.

    xvfb-run -a python benchmarks/responsiveness.py --json FILE [--models nano,vit_b]

- *click*, *click on ground*: from a point in the layer to the outline of its mask,
  split by stage, on a plane that is encoded; on cells, and far from all of them.
  `vit_b` has random weights, which serve for timing: they decode as trained ones do,
  and in place of their masks, which fill the plane, go on with disks of the size of a
  cell, its part and its surroundings.
- *stall*: how much later than due a timer in the event loop fires while planes are
  being encoded in the background.
- *labels*: writing an object of 100² pixels into Labels layers of two sizes, alone and
  until the window is drawn again.
- *open*: opening each dock, in a new process.

The last two need a display; ``--no-window`` leaves them out.

Clicks and stalls are measured in a viewer without a window: how long drawing takes is a
matter of the graphics card, which a server does not have.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import napari
import numpy as np
import torch
from napari.components import ViewerModel
from opening import opening_seconds
from qtpy.QtCore import QEventLoop, Qt, QTimer
from qtpy.QtWidgets import QApplication
from scipy import ndimage

from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.models.load import load_model
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.inference import prepare_for_inference
from napari_segment_anything.networks.sam import build_sam
from napari_segment_anything.session.pixel_edit import of_plane
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.stacks.simulated import simulate_cells
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore
from napari_segment_anything.widgets import mask_asker
from napari_segment_anything.widgets.annotator import Annotator
from napari_segment_anything.widgets.result_layers import ResultLayer

TICK_MS = 2
PATIENCE_SECONDS = 120
BOX = 100
MASK_RADIUS = 6.0
"""Of a cell, in low-resolution pixels, of which one is four pixels of the frame."""

Result = TypeVar("Result")
Figures = dict[str, dict[str, float]]


def wait_until(is_done: Callable[[], bool]) -> None:
    """Let the event loop run until something has happened."""
    loop, look, patience = QEventLoop(), QTimer(), QTimer()
    look.setInterval(1)
    look.timeout.connect(lambda: loop.quit() if is_done() else None)
    patience.setSingleShot(True)
    patience.timeout.connect(lambda: loop.exit(1))
    patience.start(1000 * PATIENCE_SECONDS)
    look.start()
    if not is_done() and loop.exec():
        raise TimeoutError("The answer did not come.")


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile in milliseconds."""
    values = 1000 * np.asarray(seconds)
    return {
        "median_ms": round(float(np.median(values)), 2),
        "p95_ms": round(float(np.percentile(values, 95)), 2),
        "p99_ms": round(float(np.percentile(values, 99)), 2),
        "n": len(values),
    }


def make_predictor(name: str) -> MaskPredictor:
    """Load the bundled model, or build another one with random weights."""
    if name == "nano":
        return load_model(name)
    torch.manual_seed(0)
    sam = build_sam(CONFIGS[name])
    prepare_for_inference(sam)
    decode = sam.decode

    def decode_cells(
        embedding: torch.Tensor, *, points_xy: torch.Tensor, **given: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logits, iou = decode(embedding, points_xy=points_xy, **given)
        centres = (points_xy[:, 0] + 0.5) / sam.config.low_res_stride - 0.5
        return disks_like(logits, centres), iou

    sam.decode = decode_cells
    return MaskPredictor(sam, model_digest="r" * 64)


def disks_like(logits: torch.Tensor, centres_xy: torch.Tensor) -> torch.Tensor:
    """Logits (N, M, h, w) of disks of growing radius about one point a row."""
    n_masks, height, width = logits.shape[1:]
    y, x = torch.arange(height)[:, None], torch.arange(width)[None]
    apart = [torch.hypot(y - centre[1], x - centre[0]) for centre in centres_xy]
    radii = MASK_RADIUS * 2.0 ** (torch.arange(n_masks) - n_masks // 2)
    return 4 * (radii[:, None, None] - torch.stack(apart)[:, None])


def in_a_thread(make: Callable[[], Result]) -> Result:
    """Compute in a thread that ends, as the docks load models."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(make).result()


class Bench:
    """An annotator of a small movie, with the times of its last answer.

    Parameters
    ----------
    predictor : MaskPredictor
        Answers.
    side : int
        Of the planes, in pixels.
    n_planes : int
        Of which the first is clicked on; the others are encoded later.
    """

    def __init__(self, predictor: MaskPredictor, side: int, n_planes: int) -> None:
        cells = simulate_cells(n_planes)
        factor = -(-side // cells.images.shape[1])
        movie, labels = (
            np.tile(x, (1, factor, factor))[:, :side, :side]
            for x in (cells.images, cells.labels)
        )
        self.labels = labels[0]
        self.viewer = ViewerModel()
        image = self.viewer.add_image(movie, name="cells", axis_labels=("t", "y", "x"))
        self.viewer.dims.set_point(0, 0)
        self.annotator = Annotator(self.viewer, image, "TYX")
        self.times: dict[str, float] = {}
        self._answer_first = mask_asker.answer_first
        mask_asker.answer_first = self._timed_answer
        # After the annotator itself, which shows the outline.
        self.annotator.session.response_changed.connect(self._on_received)
        self.annotator.set_model(predictor, MemoryEmbeddingStore())
        self.annotator.start()

    def settle(self) -> None:
        """Wait until nothing is asked any more."""
        wait_until(
            lambda: (
                not self.annotator.is_thinking and not self.annotator.watch.is_resting
            )
        )

    def click(self, y: float, x: float) -> dict[str, float]:
        """Click, wait for the outline, and return the seconds of each stage."""
        self.times.clear()
        start = time.perf_counter()
        self.annotator.layers.prompts.points.add([0, y, x])
        asked = time.perf_counter()
        wait_until(lambda: "received" in self.times)
        self.settle()
        times = self.times
        stages = {
            "from the click to a request": asked - start,
            "until a worker takes it": max(times["started"] - asked, 0.0),
            "reading the plane, finding its embedding": times["reading"],
            "decoding": times["decoding"],
            "cleaning the mask": times["answered"]
            - times["started"]
            - times["reading"]
            - times["decoding"],
            "showing the outline": times["received"] - times["answered"],
            "click to outline": times["received"] - start,
        }
        self.annotator.clear()
        self.settle()
        return stages

    def close(self) -> None:
        """Let go of everything."""
        mask_asker.answer_first = self._answer_first
        self.annotator.close()

    def _timed_answer(self, *arguments: object) -> object:
        started = time.perf_counter()
        response = self._answer_first(*arguments)
        self.times |= {
            "started": started,
            "answered": time.perf_counter(),
            "reading": response.encoding_seconds,
            "decoding": response.decoding_seconds,
        }
        return response

    def _on_received(self) -> None:
        response = self.annotator.session.response
        if response is not None and response.masks is not None:
            self.times["received"] = time.perf_counter()


def measure_clicks(bench: Bench, n_clicks: int, *, on_cells: bool) -> Figures:
    """Click here and there on a plane whose embeddings are at hand."""
    bench.settle()
    is_cell = bench.labels > 0
    # A cell's middle, or as far from all as half of the ground is.
    depth = ndimage.distance_transform_edt(is_cell == on_cells)
    deep = depth > np.median(depth[depth > 0])
    rng = np.random.default_rng(0)
    places = rng.choice(np.argwhere(deep), n_clicks, replace=False)
    for place in places:
        bench.click(*place)
    rows = [bench.click(*place) for place in places]
    return {stage: summary([row[stage] for row in rows]) for stage in rows[0]}


@contextmanager
def counted_ticks(late: list[float]) -> Iterator[None]:
    """Note how much later than due a timer fires."""
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(TICK_MS)
    last = [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        late.append(max(0.0, now - last[0] - TICK_MS / 1000))
        last[0] = now

    timer.timeout.connect(tick)
    timer.start()
    yield
    timer.stop()


def measure_stall(bench: Bench) -> dict[str, float]:
    """Scroll to planes that are not encoded yet, and watch the event loop."""
    late: list[float] = []
    bench.settle()
    for t in range(1, bench.annotator.layers.results.shape[0]):
        bench.viewer.dims.set_point(0, t)
        wait_until(lambda: bench.annotator.is_thinking)
        with counted_ticks(late):
            wait_until(lambda: not bench.annotator.is_thinking)
    return {**summary(late), "largest_ms": round(1000 * max(late), 2)}


def measure_labels(side: int, n_objects: int) -> Figures:
    """Write objects into a Labels layer of a viewer with a window."""
    viewer = napari.Viewer(show=True)
    image = viewer.add_image(np.zeros((side, side), np.uint8))
    result = ResultLayer(image, "YX")
    viewer.add_layer(result.layer)
    for _ in range(20):
        QApplication.processEvents()
    rng = np.random.default_rng(0)
    before = np.zeros((BOX, BOX), np.int32)
    alone, drawn = [], []
    for number in range(1, n_objects + 1):
        top, left = (int(v) for v in rng.integers(0, side - BOX, 2))
        after = np.full_like(before, number)
        edit = of_plane(PlaneId(), "YX", (top, left), before, after)
        start = time.perf_counter()
        result.apply(edit)
        alone.append(time.perf_counter() - start)
        QApplication.processEvents()
        drawn.append(time.perf_counter() - start)
    viewer.close()
    return {"alone": summary(alone), "until drawn": summary(drawn)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, metavar="FILE")
    parser.add_argument("--models", default="nano,vit_b")
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--planes", type=int, default=4)
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--sizes", default="2048,8192")
    parser.add_argument("--no-window", action="store_true")
    options = parser.parse_args(arguments)
    _ = QApplication.instance() or QApplication([])
    figures: dict[str, object] = {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "n_cpus": os.cpu_count(),
            "n_threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "napari": napari.__version__,
        },
        "side": options.side,
    }
    for name in filter(None, options.models.split(",")):
        predictor = in_a_thread(partial(make_predictor, name))
        bench = Bench(predictor, options.side, options.planes)
        figures[name] = {
            "click": measure_clicks(bench, options.clicks, on_cells=True),
            "click on ground": measure_clicks(bench, options.clicks, on_cells=False),
            "stall": measure_stall(bench),
        }
        bench.close()
    if not options.no_window:
        figures["labels"] = {
            size: measure_labels(int(size), options.clicks)
            for size in options.sizes.split(",")
        }
        figures["open"] = opening_seconds()
    options.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
