"""Series of planes on a graphics card: how busy it is, and what memory they take."""

import tempfile
import time
from collections.abc import Generator
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
from napari_segment_anything.stacks.simulated import simulate_cells
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

_N_PROFILED = 6
_N_WARM_UP = 2


def segmented(
    predictor: MaskPredictor,
    settings: AutomaticSettings | None,
    side: int,
    n_planes: int,
    seconds: float,
) -> dict:
    """Everything mode over a series on disk, for so many seconds at most."""

    def job(stack: Stack, place: Path) -> Generator:
        return segment_stack(
            stack,
            predictor,
            settings=settings,
            output=place / "labels.ome.zarr",
            copy_image=False,
        )

    return _measured(job, predictor.device, side, n_planes, seconds)


def embedded(
    predictor: MaskPredictor, side: int, n_planes: int, seconds: float
) -> dict:
    """Embeddings of a series on disk, into a store on disk."""

    def job(stack: Stack, place: Path) -> Generator:
        return embed_stack(
            stack,
            predictor,
            store=ZarrEmbeddingStore(place / "store"),
        )

    return _measured(job, predictor.device, side, n_planes, seconds)


def _measured(job, device: torch.device, side: int, n_planes: int, limit: float):  # noqa: ANN001, ANN202
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        movie = movie_on_disk(place / "movie.zarr", side, n_planes)
        drive(job(_first(movie, _N_WARM_UP), place / "warm"), limit)
        with BusyCard(device) as card:
            start = time.perf_counter()
            whole = job(Stack(movie, "TYX", name="movie"), place / "all")
            on_cpu, (n_done, result) = extra_memory(lambda: drive(whole, limit))
            seconds = time.perf_counter() - start
        few = _first(movie, min(_N_PROFILED, n_planes))
        profiled = kernels_of(lambda: drive(job(few, place / "few"), limit), device)
    return {
        "n_planes": n_done,
        "seconds": seconds,
        "planes_a_second": n_done / seconds,
        "n_objects": getattr(result, "n_objects", None),
        "seconds_by_activity": getattr(result, "seconds", None),
        "busy_share": card.share,
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


def drive(job: Generator, limit: float) -> tuple[int, object]:
    """Run a job, for so many seconds at most: planes that are done, and its result."""
    end = time.perf_counter() + limit
    n_done = 0
    while True:
        try:
            n_done = next(job).done
        except StopIteration as stop:
            return n_done, stop.value
        if time.perf_counter() > end:
            job.close()
            return n_done, None
