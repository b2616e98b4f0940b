"""Everything mode on each frame, and its masks carried through time."""

from collections.abc import Generator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from napari_segment_anything.batch.detect import Detector
from napari_segment_anything.batch.movies import Movies
from napari_segment_anything.batch.object_size import with_object_size
from napari_segment_anything.batch.output import ArrayOutput, fingerprint, open_output
from napari_segment_anything.batch.plane_loop import Tally
from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.segment import candidates_beside, detection_recipe
from napari_segment_anything.batch.side_by_side import n_side_by_side
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.batch.track_result import Position, TrackResult
from napari_segment_anything.batch.track_start import StartLabels
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.errors import InvalidAxesError
from napari_segment_anything.stacks.intensity import (
    IntensityRange,
    estimate_intensity_range,
)
from napari_segment_anything.stacks.open import check_is_stack
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.candidate_store import CandidateStore
from napari_segment_anything.storage.embedding_store import EmbeddingStore
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore
from napari_segment_anything.tracking.lineage import Lineage
from napari_segment_anything.tracking.propagation import TrackingResult
from napari_segment_anything.tracking.repair_settings import RepairSettings
from napari_segment_anything.tracking.settings import LinkingSettings
from napari_segment_anything.tracking.words import MotionWords

if TYPE_CHECKING:
    from napari_segment_anything.batch.cluster import Cluster

__all__ = ["TrackResult", "track_stack"]


def track_stack(
    stack: Stack,
    predictor: MaskPredictor,
    *,
    axis: str | None = None,
    settings: AutomaticSettings | None = None,
    linking: LinkingSettings | MotionWords | None = None,
    repair: bool = True,
    start: StartLabels | None = None,
    forwards: bool = True,
    backwards: bool = True,
    intensity_range: tuple[float, float] | None = None,
    store: EmbeddingStore | None = None,
    output: LabelStore | ArrayOutput | str | Path | None = None,
    candidates: CandidateStore | None = None,
    overwrite: bool = False,
    copy_image: bool = True,
    cluster: "Cluster | None" = None,
) -> Generator[Progress, None, TrackResult]:
    """Find all objects of each frame and follow them through time.

    Frames along the other axes (the slices of each time point, say) are followed each
    for itself. A job that was interrupted and has an `output` continues when it is run
    once more, with the same result; frames that were searched are not searched again.

    Parameters
    ----------
    stack : Stack
        Read plane by plane.
    predictor : MaskPredictor
        The model.
    axis : str, optional
        Axis to follow objects along; by default T, or Z where there is no T.
    settings : AutomaticSettings, optional
        What is an object; by default what suits the model.
    linking : LinkingSettings or MotionWords, optional
        How objects may move and divide, in numbers or words; by default estimated from
        the masks.
    repair : bool
        Whether the model is prompted again where a track breaks.
    start : StartLabels, optional
        Labels that exist already, from a person or any other tool.
    forwards, backwards : bool
        Whether tracks are carried on beyond their end, and before their start.
    intensity_range : tuple of float, optional
        Intensities that become black and white; by default estimated over the stack.
    store : EmbeddingStore, optional
        Embeddings are looked up and kept here; by default in memory.
    output : LabelStore, ArrayOutput or path, optional
        OME-Zarr to be made or continued, or ``image.zarr/labels/NAME`` in an OME-Zarr
        image that exists, or an array of somebody else; by default labels stay in
        memory.
    candidates : CandidateStore, optional
        Masks of each frame before thresholds; by default in a folder next to the
        output.
    overwrite : bool
        Whether an output of other input or settings may be replaced; what is read
        never is.
    copy_image : bool
        Whether a new OME-Zarr also gets the image, so that it can be opened by itself.
    cluster : Cluster, optional
        Workers that find the objects of each frame, which are then linked and
        repaired here; `store` and `output` must be on disk.

    Yields
    ------
    Progress
        Stages ``"detect on workers"`` (with a cluster), ``"detect"``, those of linking
        and repair, and ``"write"``.

    Raises
    ------
    InvalidAxesError
        The stack has no axis to follow objects along.
    InvalidImageError
        An array or a path was given: open it with `open_stack` first.
    UnreadableInputError
        A plane cannot be read.
    StorageError
        The output is another job's, or cannot be written.
    """
    check_is_stack(stack)
    axis = checked_axis(stack, axis)
    if start is not None:
        start.check(stack)
    yield Progress("detect", 0, stack.n_planes)
    settings = settings or AutomaticSettings.for_model(predictor.config)
    limits = IntensityRange(*(intensity_range or estimate_intensity_range(stack)))
    record = track_record(
        stack,
        predictor,
        settings,
        limits,
        axis=axis,
        linking=linking,
        repair=repair,
        start=start,
        forwards=forwards,
        backwards=backwards,
    )
    settings = with_object_size(settings, stack, predictor, limits, store)
    target = open_output(
        output,
        stack,
        record=record,
        overwrite=overwrite,
        copy_image=copy_image,
        start=start.labels if start else None,
    )
    stored = StoredPredictor(predictor, store or MemoryEmbeddingStore())
    candidates = candidates or candidates_beside(target)
    tally = Tally()
    if cluster is not None:
        if isinstance(target, ArrayOutput):
            candidates = None
        recipe = detection_recipe(stack, limits, settings, store, candidates, None)
        begin = Progress("detect on workers", 0, stack.n_planes)
        indices = stack.indices()
        digest = predictor.model_digest
        yield from cluster.work(recipe, indices, tally, begin, model_digest=digest)
    n_planes = n_side_by_side(predictor, stack)
    detector = Detector(stored, settings, limits, candidates, n_planes=n_planes)
    detectors = detector.copies()
    movies = Movies(
        stack=stack,
        axis=axis,
        predictor=stored,
        settings=settings,
        limits=limits,
        detectors=detectors,
        linking=linking,
        repair=_repair_settings(start) if repair else None,
        target=target,
        start=start,
        forwards=forwards,
        backwards=backwards,
    )
    found: dict[Position, TrackingResult] = {}
    tables: list[pd.DataFrame] = []
    for number, position in enumerate(movies.positions()):
        result = yield from movies.track(position, number)
        taken = {t.id for other in found.values() for t in other.lineage.tracks}
        if taken.intersection(result.lineage.by_id):
            result = _renumbered(result, max(taken))
        tables.append((yield from movies.write(position, number, result)))
        # Masks of positions that are written need no memory any more.
        found[position] = replace(result, frames=[])
    table = pd.concat(tables, ignore_index=True)
    lineages = {position: result.lineage for position, result in found.items()}
    return TrackResult(
        labels=target.array if isinstance(target, ArrayOutput) else target,
        index_axes=stack.index_axes,
        axis=axis,
        lineages=lineages,
        doubts={
            position: tuple(replace(d, position=position) for d in result.doubts)
            for position, result in found.items()
        },
        table=table,
        settings=settings,
        linking={position: r.settings for position, r in found.items()},
        n_frames=stack.n_planes,
        n_objects=len(table),
        n_tracks=sum(lineage.n_tracks for lineage in lineages.values()),
        n_divisions=sum(len(lineage.divisions) for lineage in lineages.values()),
        n_repaired=int(table["is_repaired"].sum()),
        n_resumed=tally.n_resumed if cluster else sum(d.n_resumed for d in detectors),
        intensity_range=limits,
        seconds=_summed(tally.seconds, *(d.predictor.watch.seconds for d in detectors)),
        plane_axes=stack.plane_axes,
    )


def track_record(
    stack: Stack,
    predictor: MaskPredictor,
    settings: AutomaticSettings,
    limits: IntensityRange,
    *,
    axis: str,
    linking: LinkingSettings | MotionWords | None = None,
    repair: bool = True,
    start: StartLabels | None = None,
    forwards: bool = True,
    backwards: bool = True,
) -> dict[str, object]:
    """Return all that the result of a job depends on; parameters as `track_stack`."""
    record: dict[str, object] = {
        "job": "track",
        "axis": axis,
        "model": predictor.model_digest,
        "settings": asdict(settings),
        "linking": asdict(linking) if linking else None,
        "repair": repair,
        "intensity_range": list(limits),
        "image": fingerprint(stack),
    }
    if start is not None:
        record["start"] = start.describe(stack)
    if not (forwards and backwards):
        record["carried"] = {"forwards": forwards, "backwards": backwards}
    return record


def _repair_settings(start: StartLabels | None) -> RepairSettings:
    """Carry objects as far as they go where prompts alone can find them."""
    if start is not None and start.search == "nothing":
        return RepairSettings(max_carried=None)
    return RepairSettings()


def _summed(*parts: Mapping[str, float]) -> Mapping[str, float]:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: sum(part.get(name, 0.0) for part in parts) for name in names}


def _renumbered(result: TrackingResult, last_id: int) -> TrackingResult:
    """Add to all track ids, so that no two movies of a stack share one."""
    tracks = tuple(
        replace(
            track,
            id=track.id + last_id,
            parent=track.parent + last_id if track.parent else 0,
        )
        for track in result.lineage.tracks
    )
    doubts = [
        replace(doubt, track=doubt.track + last_id if doubt.track else 0)
        for doubt in result.doubts
    ]
    return replace(result, lineage=Lineage(tracks), doubts=doubts)


def checked_axis(stack: Stack, axis: str | None = None) -> str:
    """Return the axis to follow objects along, by default T, or Z.

    Raises
    ------
    InvalidAxesError
        If the stack has no such axis.
    """
    chosen = axis or stack.time_axis
    if chosen is None or chosen not in stack.index_axes:
        wanted = f"no axis {axis}" if axis else "neither T nor Z"
        raise InvalidAxesError(
            f"There is nothing to follow objects along: the stack has the axes "
            f"'{stack.axes}' and {wanted}; name the axes with axes='TYX' (--axes "
            "TYX), or segment without tracking."
        )
    return chosen
