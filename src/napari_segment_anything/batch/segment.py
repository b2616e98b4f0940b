"""Everything mode over all planes of a stack."""

from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_segment_anything.batch.detect import Detector
from napari_segment_anything.batch.encode_ahead import EncodeAhead
from napari_segment_anything.batch.object_size import with_object_size
from napari_segment_anything.batch.output import (
    ArrayOutput,
    fingerprint,
    largest_label,
    open_output,
)
from napari_segment_anything.batch.plane_keys import PlaneKeys
from napari_segment_anything.batch.plane_loop import Tally, work_here
from napari_segment_anything.batch.plane_scores import PlaneScores
from napari_segment_anything.batch.plane_work import DetectWork, PlaneRecipe
from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.shared_store import folder_of
from napari_segment_anything.batch.side_by_side import is_on_card, n_side_by_side
from napari_segment_anything.batch.square_planes import output_for
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.batch.write_behind import WriteBehindStore
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.errors import StorageError
from napari_segment_anything.stacks.intensity import (
    IntensityRange,
    estimate_intensity_range,
)
from napari_segment_anything.stacks.open import check_is_stack
from napari_segment_anything.stacks.square import stretch_of, with_square_pixels
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.candidate_store import CandidateStore
from napari_segment_anything.storage.embedding_store import EmbeddingStore
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

if TYPE_CHECKING:
    from napari_segment_anything.batch.cluster import Cluster

# Each plane is looked at once; more embeddings would only fill the memory.
_MEMORY_BYTES = 64 * 2**20
# Unless a card encodes planes ahead, some of them in many tiles.
_MEMORY_BYTES_AHEAD = 1024 * 2**20


@dataclass(frozen=True)
class SegmentResult:
    """What `segment_stack` found.

    Attributes
    ----------
    labels : LabelStore or numpy.ndarray
        Objects of each plane, numbered from 1 in every plane anew: the OME-Zarr that
        was asked for, or (*index axes, H, W) int32.
    n_planes, n_objects : int
        Planes, and objects summed over them.
    n_resumed : int
        Planes that an earlier run had finished or found the candidates of.
    intensity_range : IntensityRange
        Intensities that were mapped to black and white.
    seconds : mapping of str to float
        Time by activity: reading, encoding, decoding, storing, writing.
    scores : PlaneScores or None
        What the model thinks of the objects, where candidates were kept.
    """

    labels: LabelStore | npt.NDArray[np.int32]
    n_planes: int
    n_objects: int
    n_resumed: int
    intensity_range: IntensityRange
    seconds: Mapping[str, float]
    scores: PlaneScores | None = None


def segment_stack(
    stack: Stack,
    predictor: MaskPredictor,
    *,
    settings: AutomaticSettings | None = None,
    intensity_range: tuple[float, float] | None = None,
    store: EmbeddingStore | None = None,
    output: LabelStore | str | Path | None = None,
    candidates: CandidateStore | None = None,
    overwrite: bool = False,
    copy_image: bool = True,
    cluster: "Cluster | None" = None,
) -> Generator[Progress, None, SegmentResult]:
    """Find all objects of each plane.

    Planes whose pixels are oblong, by the scale of the stack, are stretched for the
    model. Sizes in the settings are in the smaller side of a pixel then.

    A job that was interrupted and has an `output` continues when it is run once more;
    planes that are done are not touched.

    Parameters
    ----------
    stack : Stack
        Read plane by plane.
    predictor : MaskPredictor
        The model.
    settings : AutomaticSettings, optional
        By default those that suit the model.
    intensity_range : tuple of float, optional
        Intensities that become black and white; by default estimated over the stack.
    store : EmbeddingStore, optional
        Embeddings are looked up and kept here; by default only those of the last
        planes are kept, in memory.
    output : LabelStore or path, optional
        OME-Zarr to be made or continued, or ``image.zarr/labels/NAME`` in an OME-Zarr
        image that exists; by default labels stay in memory.
    candidates : CandidateStore, optional
        Masks before thresholds, so that other thresholds need no model. By default in
        a folder next to the output.
    overwrite : bool
        Whether an output of other input or settings may be replaced; an image that is
        read never is.
    copy_image : bool
        Whether a new OME-Zarr also gets the image, so that it can be opened by itself.
    cluster : Cluster, optional
        Workers that find objects and write them; `store` and `output` must be on disk.

    Yields
    ------
    Progress
        Stage ``"segment"``, one step a plane.

    Raises
    ------
    InvalidImageError
        An array or a path was given: open it with `open_stack` first.
    UnreadableInputError
        A plane cannot be read.
    StorageError
        The output is another job's, or cannot be written.
    """
    check_is_stack(stack)
    progress = Progress("segment", 0, stack.n_planes)
    yield progress
    settings = settings or AutomaticSettings.for_model(predictor.config)
    limits = IntensityRange(*(intensity_range or estimate_intensity_range(stack)))
    # The record says what was asked for; the size is what was made of it.
    record = segment_record(stack, predictor, settings, limits)
    seen = with_square_pixels(stack)
    settings = with_object_size(settings, seen, predictor, limits, store)
    target = open_output(
        output, stack, record=record, overwrite=overwrite, copy_image=copy_image
    )
    candidates = candidates or candidates_beside(target)
    tally = Tally()
    todo = []
    for index in stack.indices():
        if target.done(index):
            tally.n_planes += 1
            tally.n_resumed += 1
            tally.n_objects += largest_label(target, index, stack.plane_shape[0])
        else:
            todo.append(index)
    progress = Progress("segment", tally.n_planes, stack.n_planes)
    if tally.n_planes:
        yield progress
    if cluster is None:
        n_bytes = _MEMORY_BYTES_AHEAD if is_on_card(predictor) else _MEMORY_BYTES
        kept = store or MemoryEmbeddingStore(n_bytes)
        with WriteBehindStore(kept) as behind:
            detector = Detector(
                StoredPredictor(predictor, behind, keys=PlaneKeys()),
                settings,
                limits,
                candidates,
                n_planes=n_side_by_side(predictor, seen),
            )
            written = output_for(seen, target)
            works = [DetectWork(own, written) for own in detector.copies()]
            ahead = EncodeAhead.beside(
                detector.predictor,
                limits,
                settings,
                lambda plane: not detector.knows(plane),
            )
            yield from work_here(works, seen, todo, tally, progress, ahead)
    else:
        recipe = detection_recipe(seen, limits, settings, store, candidates, target)
        digest = predictor.model_digest
        yield from cluster.work(recipe, todo, tally, progress, model_digest=digest)
    scores = None
    if candidates is not None:
        stored = StoredPredictor(predictor, store or MemoryEmbeddingStore(0))
        detector = Detector(stored, settings, limits, candidates)
        scores = PlaneScores(seen, detector)
    return SegmentResult(
        labels=target.array if isinstance(target, ArrayOutput) else target,
        n_planes=stack.n_planes,
        n_objects=tally.n_objects,
        n_resumed=tally.n_resumed,
        intensity_range=limits,
        seconds=tally.seconds,
        scores=scores,
    )


def segment_record(
    stack: Stack,
    predictor: MaskPredictor,
    settings: AutomaticSettings,
    limits: IntensityRange,
) -> dict[str, Any]:
    """Return all that the labels of a job depend on."""
    stretch = stretch_of(stack)
    stretched = {"stretch": [stretch.rows, stretch.columns]}
    return {
        "job": "segment",
        "model": predictor.model_digest,
        "settings": asdict(settings),
        "intensity_range": list(limits),
        "image": fingerprint(stack),
        **(stretched if stretch.is_needed else {}),
    }


def detection_recipe(
    stack: Stack,
    limits: IntensityRange,
    settings: AutomaticSettings,
    store: EmbeddingStore | None,
    candidates: CandidateStore | None,
    output: LabelStore | ArrayOutput | None,
) -> PlaneRecipe:
    """Return what workers need to find the objects of planes.

    Raises
    ------
    StorageError
        If embeddings, candidates or labels are not on disk.
    """
    if candidates is None or isinstance(output, ArrayOutput):
        raise StorageError(
            "Workers of a cluster write their results themselves; name an OME-Zarr "
            "for them (output=)."
        )
    path, quota = folder_of(store)
    place = None if output is None else (output.path.absolute(), output.name)
    return PlaneRecipe(
        stack=stack,
        limits=limits,
        store=path,
        quota_bytes=quota,
        settings=settings,
        candidates=candidates.path.absolute(),
        output=place,
    )


def candidates_beside(target: LabelStore | ArrayOutput) -> CandidateStore | None:
    """Return the store of candidates next to an OME-Zarr; None for an array."""
    if isinstance(target, ArrayOutput):
        return None
    name = target.path.name.removesuffix(".zarr").removesuffix(".ome")
    return CandidateStore(target.path.with_name(f"{name}.candidates"))
