"""Series of planes on a graphics card: how busy it is, and what memory they take."""

import tempfile
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import zarr
from card_use import BusyCard, kernels_of
from measuring import extra_memory

from napari_segment_anything.batch.embed import embed_stack
from napari_segment_anything.batch.segment import segment_stack
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.stacks.intensity import estimate_intensity_range
from napari_segment_anything.stacks.simulated import simulate_cells
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

_N_PROFILED = 6
# A batch of planes, with what a card does only once.
_N_WARM_UP = 8


def segmented(
    predictor: MaskPredictor,
    movie: zarr.Array,
    seconds: float,
    settings: AutomaticSettings | None = None,
) -> dict:
    """Everything mode over a series on disk, for so many seconds at most."""
    limits = estimate_intensity_range(Stack(movie, "TYX", name="movie"))
    settings = settings or AutomaticSettings.for_model(predictor.config)

    def job(stack: Stack, place: Path) -> Generator:
        return segment_stack(
            stack,
            predictor,
            settings=settings,
            intensity_range=limits,
            output=place / "labels.ome.zarr",
            copy_image=False,
        )

    return {
        "pred_iou_thresh": settings.pred_iou_thresh,
        "stability_score_thresh": settings.stability_score_thresh,
        **_measured(job, predictor.device, movie, seconds),
    }


def embedded(predictor: MaskPredictor, movie: zarr.Array, seconds: float) -> dict:
    """Embeddings of a series on disk, into a store on disk."""

    def job(stack: Stack, place: Path) -> Generator:
        return embed_stack(
            stack,
            predictor,
            store=ZarrEmbeddingStore(place / "store"),
        )

    return _measured(job, predictor.device, movie, seconds)


def _measured(job, device: torch.device, movie: zarr.Array, limit: float):  # noqa: ANN001, ANN202
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        warm = drive(job(_first(movie, _N_WARM_UP), place / "warm"), limit)
        whole = job(Stack(movie, "TYX", name="movie"), place / "all")
        with BusyCard(device) as card:
            on_cpu, driven = extra_memory(lambda: drive(whole, limit))
        few = _first(movie, min(_N_PROFILED, movie.shape[0]))
        profiled = kernels_of(lambda: drive(job(few, place / "few"), limit), device)
    n_objects = getattr(warm.result, "n_objects", None)
    return {
        "n_planes": driven.n_done,
        "seconds": driven.seconds,
        "seconds_to_first_plane": driven.seconds_to_first,
        "planes_a_second": driven.planes_a_second,
        "objects_a_plane": None if n_objects is None else n_objects / warm.n_done,
        "seconds_by_activity": getattr(driven.result, "seconds", None),
        "busy_share": card.share(),
        "busy_share_from_first_plane_on": card.share(driven.seconds_to_first),
        "peak_mib": (on_cpu if card.peak_bytes is None else card.peak_bytes) / 2**20,
        "few_planes_profiled": profiled,
    }


def movie_on_disk(path: Path, side: int, n_planes: int) -> zarr.Array:
    """Write planes of cells, no two of which are equal; uncompressed, to be quick."""
    cells = simulate_cells(4, (side, side)).images
    movie = zarr.create_array(
        path,
        shape=(n_planes, side, side),
        chunks=(1, side, side),
        dtype=cells.dtype,
        compressors=None,
    )
    for t in range(n_planes):  # no plane equals another
        movie[t] = np.roll(cells[t % 4], t // 4, axis=1)
    return movie


def _first(movie: zarr.Array, n_planes: int) -> Stack:
    return Stack(np.asarray(movie[:n_planes]), "TYX", name="first")


@dataclass(frozen=True)
class Driven:
    """What a job came to: planes, its result if it ended by itself, seconds."""

    n_done: int
    result: object
    seconds: float
    seconds_to_first: float

    @property
    def planes_a_second(self) -> float | None:
        """Rate once the first plane is done, for what is done only once."""
        if self.n_done < 2:
            return None
        return (self.n_done - 1) / (self.seconds - self.seconds_to_first)


def drive(job: Generator, limit: float) -> Driven:
    """Run a job, for so many seconds at most."""
    start = time.perf_counter()
    n_done, first, last = 0, 0.0, 0.0
    with closing(job):
        while True:
            try:
                progress = next(job)
            except StopIteration as stop:
                return Driven(n_done, stop.value, last, first)
            now = time.perf_counter() - start
            if progress.done > n_done:
                first, last = first or now, now
                n_done = progress.done
            if now > limit:
                return Driven(n_done, None, last, first)
