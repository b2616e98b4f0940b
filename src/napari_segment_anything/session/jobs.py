"""Long work behind the buttons, as generators that yield progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.session.requests import embed_plane

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    import numpy.typing as npt

    from napari_segment_anything.batch.track import TrackResult
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.planes import PlaneId, PlaneSource
    from napari_segment_anything.storage.embedding_store import EmbeddingStore


@dataclass(frozen=True)
class ModelChoice:
    """One row of a list of models.

    Parameters
    ----------
    name : str
        What `load_model_job` takes.
    purpose : str
        What it is for, in a few words.
    licence : str
        SPDX identifier of its weights.
    is_here : bool
        Whether its weights are on this machine.
    n_bytes : int or None
        Size of the download, where it is known.
    """

    name: str
    purpose: str
    licence: str
    is_here: bool
    n_bytes: int | None


@dataclass(frozen=True, eq=False)
class PlaneLabels:
    """Everything that was found on one plane.

    Parameters
    ----------
    plane : PlaneId
        The plane.
    labels : ndarray
        (H, W) integers, ids from 1 in the order of position.
    model_digest : str
        Digest of the weights that found them.
    """

    plane: PlaneId
    labels: npt.NDArray[np.integer]
    model_digest: str


@dataclass(frozen=True, eq=False)
class PlaneTracks:
    """Tracks through all planes that lie like the one shown.

    Parameters
    ----------
    plane : PlaneId
        The plane that was shown; its channel is the one that was tracked.
    axes : str
        Axes of the labels: the index axes, then the plane axes.
    result : TrackResult
        Labels, lineage and table.
    """

    plane: PlaneId
    axes: str
    result: TrackResult


def list_models() -> list[ModelChoice]:
    """List the catalogue; looks into the model folder."""
    from napari_segment_anything.models.catalogue import CATALOGUE
    from napari_segment_anything.models.files import find

    return [
        ModelChoice(
            name=entry.name,
            purpose=entry.purpose,
            licence=entry.licence,
            is_here=entry.is_bundled or find(entry) is not None,
            n_bytes=entry.n_bytes,
        )
        for entry in CATALOGUE.values()
    ]


def load_model_job(
    name_or_path: str, *, device: str | None = None
) -> Generator[Progress, None, MaskPredictor]:
    """Load a model, after downloading its weights where they are missing.

    Raises
    ------
    DownloadError, CheckpointError, UnknownModelError, DeviceError
        As the models room says.
    """
    from napari_segment_anything.models.catalogue import CATALOGUE
    from napari_segment_anything.models.files import download, find

    entry = CATALOGUE.get(name_or_path)
    if entry is not None and not entry.is_bundled and find(entry) is None:
        transfer = download(entry)
        try:
            for progress in transfer:
                yield Progress("download", progress.done, progress.total)
        finally:
            transfer.close()
    yield Progress("load", 0, 0, f"Loading {name_or_path} …")
    # Imports torch, which takes seconds: only here, in a worker.
    from napari_segment_anything.models.load import load_model

    return load_model(name_or_path, device=device)


def everything_job(
    source: PlaneSource,
    plane: PlaneId,
    predictor: MaskPredictor,
    store: EmbeddingStore,
) -> Generator[Progress, None, PlaneLabels]:
    """Find all objects of one plane.

    Raises
    ------
    SegmentAnythingError
        When the plane cannot be read or segmented.
    """
    from napari_segment_anything.engine.automatic import (
        AutomaticMaskGenerator,
        AutomaticSettings,
    )
    from napari_segment_anything.engine.labels import masks_to_labels

    yield Progress("encode", 0, 2)
    embedding = embed_plane(source, plane, predictor, store)
    yield Progress("decode", 1, 2)
    generator = AutomaticMaskGenerator(
        predictor, AutomaticSettings.for_model(predictor.config)
    )
    masks = generator.generate(
        source.read(plane),
        intensity_range=source.intensity_range(plane),
        embedding=embedding,
    )
    labels = masks_to_labels(masks)
    yield Progress("decode", 2, 2)
    return PlaneLabels(plane, labels, predictor.model_digest)


def track_job(
    source: PlaneSource,
    plane: PlaneId,
    predictor: MaskPredictor,
    store: EmbeddingStore,
) -> Generator[Progress, None, PlaneTracks]:
    """Find all objects of every plane and follow them through time.

    Raises
    ------
    SegmentAnythingError
        When there is no axis to follow objects along, or a plane cannot be read.
    """
    from napari_segment_anything.batch.track import track_stack

    stack = source.stack(plane)
    result = yield from track_stack(stack, predictor, store=store)
    axes = stack.index_axes + "".join(stack.plane_axes)
    return PlaneTracks(plane, axes, result)
