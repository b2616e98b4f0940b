"""Long work behind the buttons, as generators that yield progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.session.device_note import idle_card_note
from napari_segment_anything.session.review import Candidates

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.planes import PlaneId, PlaneSource
    from napari_segment_anything.session.review import Passing
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
class LoadedModel:
    """A model that is ready, and what is said of it.

    Parameters
    ----------
    name : str
        Name or path it was loaded by.
    predictor : MaskPredictor
        Answers prompts.
    device : str
        What it runs on, for people.
    device_note : str
        What to do about a faster device that is not used; empty where all is well.
    """

    name: str
    predictor: MaskPredictor
    device: str
    device_note: str = ""


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
) -> Generator[Progress, None, LoadedModel]:
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
    from napari_segment_anything.engine.device import describe_device
    from napari_segment_anything.models.load import load_model

    predictor = load_model(name_or_path, device=device)
    device_text = describe_device(predictor.device)
    note = idle_card_note(predictor.device.type)
    return LoadedModel(name_or_path, predictor, device_text, note)


def everything_job(
    source: PlaneSource,
    plane: PlaneId,
    predictor: MaskPredictor,
    store: EmbeddingStore,
) -> Generator[Progress, None, Passing]:
    """Find everything on a plane that may be an object, and what of it usually is.

    Raises
    ------
    SegmentAnythingError
        When the plane cannot be read or segmented.
    """
    progress = Progress("search", 0, 0, "Looking for all objects of this plane …")
    yield progress
    from napari_segment_anything.batch.side_by_side import parts_at_once
    from napari_segment_anything.batch.stored_predictor import StoredPredictor
    from napari_segment_anything.engine.automatic import AutomaticMaskGenerator
    from napari_segment_anything.engine.searched_plane import SearchedPlane

    generator = AutomaticMaskGenerator(
        StoredPredictor(predictor, store), run_parts=parts_at_once(predictor)
    )
    searched = SearchedPlane.create(
        source.read_square(plane), None, source.intensity_range(plane)
    )
    steps = generator.steps(searched, keep_candidates=True)
    while True:
        try:
            part = next(steps)
        except StopIteration as stop:
            masks: MaskSet = stop.value
            if source.stretch(plane).is_needed:
                shape = source.plane_shape(plane)
                masks = source.stretch(plane).shrunk(masks, shape)
                masks = masks.select(masks.areas > 0)
            found = Candidates(plane, masks, generator.settings, predictor.model_digest)
            return found.passing(found.usual_filter, None)
        yield Progress("search", round(100 * part), 100)
