"""Tracking for somebody who watches: growing tracks, previews, corrections."""

from collections.abc import Collection, Generator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from napari_segment_anything.batch.frame_decoder import FrameDecoder
from napari_segment_anything.batch.object_size import with_object_size
from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.batch.track_progress import FrameProgress, GrownFrame
from napari_segment_anything.batch.track_result import TrackResult
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.embedding_store import EmbeddingStore
from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.correction_steps import LabelFrames, Place
from napari_segment_anything.tracking.paint import paint_tracks
from napari_segment_anything.tracking.recompute import Recomputed, recompute
from napari_segment_anything.tracking.review import Doubt
from napari_segment_anything.tracking.reviewed import review_tracks
from napari_segment_anything.tracking.settings import LinkingSettings

# Part of the smaller of two masks that they must share to look like one object.
SAME = 0.3


def growing(
    job: Generator[Progress, None, TrackResult],
) -> Generator[Progress, None, TrackResult]:
    """Turn each frame that a tracking job has searched into labels to be shown."""
    ids: npt.NDArray[np.int32] = np.zeros(0, np.int32)
    next_id = 1
    try:
        while True:
            try:
                progress = next(job)
            except StopIteration as stop:
                result: TrackResult = stop.value
                return result
            if isinstance(progress, FrameProgress):
                before = progress.found[-2] if len(progress.found) > 1 else None
                here = progress.found[-1]
                ids, next_id = passing_ids(before, ids, here, next_id)
                yield GrownFrame(
                    progress.stage,
                    progress.done,
                    progress.total,
                    index=progress.index,
                    labels=paint_tracks(here, ids),
                )
            else:
                yield progress
    finally:
        job.close()


def passing_ids(
    before: MaskSet | None,
    ids: npt.NDArray[np.int32],
    here: MaskSet,
    next_id: int,
) -> tuple[npt.NDArray[np.int32], int]:
    """Pass each id on to the mask that overlaps most; others get new ones."""
    new = np.zeros(len(here), np.int32)
    if before is not None and len(before) == len(ids) and len(ids) and len(here):
        shared = before.intersection_matrix(here) / np.minimum(
            before.areas[:, None], here.areas[None, :]
        ).clip(1)
        for flat in np.argsort(-shared, axis=None, kind="stable")[: shared.size]:
            i, j = divmod(int(flat), shared.shape[1])
            if shared[i, j] < SAME:
                break
            if new[j] == 0 and ids[i] not in new:
                new[j] = ids[i]
    for j in np.flatnonzero(new == 0):
        new[j], next_id = next_id, next_id + 1
    return new, next_id


def read_tracks_job(
    frames: LabelFrames,
    parents: Mapping[int, int],
    numbers: range | None = None,
    locked: Collection[Place] = (),
) -> Generator[Progress, None, EditableTracks]:
    """Look which tracks are seen in which frame, so that they can be corrected.

    Parameters
    ----------
    frames : LabelFrames
        Label images of a movie.
    parents : mapping of int to int
        Parent of each track that has one.
    numbers : range, optional
        Frames that may have objects; by default all.
    locked : collection of (frame, id), optional
        Objects that are locked, where they are seen.
    """
    numbers = range(int(frames.shape[0])) if numbers is None else numbers
    seen = {}
    for done, frame in enumerate(numbers):
        yield Progress("read tracks", done, len(numbers))
        plane = np.asarray(frames[frame])
        seen[frame] = np.unique(plane[plane > 0])
    yield Progress("read tracks", len(numbers), len(numbers))
    there = frozenset((t, one) for t, one in locked if one in seen.get(t, ()))
    return EditableTracks(frames, dict(parents), there, seen=seen)


def review_tracks_job(tracks: EditableTracks) -> Generator[Progress, None, list[Doubt]]:
    """List what is doubtful about tracks that exist, most doubtful first."""
    steps = review_tracks(tracks)
    while True:
        try:
            stage, done, total = next(steps)
        except StopIteration as stop:
            doubts: list[Doubt] = stop.value
            return doubts
        yield Progress(stage, done, total)


def recompute_job(
    stack: Stack,
    indices: Sequence[tuple[int, ...]],
    predictor: MaskPredictor,
    store: EmbeddingStore,
    tracks: EditableTracks,
    place: Place,
    *,
    intensity_range: tuple[float, float],
    settings: AutomaticSettings | None = None,
    linking: LinkingSettings | None = None,
    locked_frames: Collection[int] = (),
    followed: range | None = None,
) -> Generator[Progress, None, Recomputed]:
    """Compute again what depends on a corrected object.

    Parameters
    ----------
    stack : Stack
        The image.
    indices : sequence of tuple of int
        Index in the stack of each frame of the tracks.
    predictor, store : MaskPredictor, EmbeddingStore
        The model, and where embeddings are kept.
    tracks : EditableTracks
        With the correction applied.
    place : (frame, id)
        The corrected object.
    intensity_range : tuple of float
        Intensities that become black and white.
    settings : AutomaticSettings, optional
        Those that the tracks were found with; otherwise the size of objects is
        estimated again.
    linking : LinkingSettings, optional
        How objects move.
    locked_frames : collection of int
        Frames in which nothing is changed.
    followed : range, optional
        Frames that objects were followed in, by default all: no other is looked at.
    """
    yield Progress("recompute", 0, 0)
    limits = IntensityRange(*intensity_range)
    if settings is None:
        settings = AutomaticSettings.for_model(predictor.config)
        settings = with_object_size(settings, stack, predictor, limits, store)
    decoder = FrameDecoder(
        stack, indices, StoredPredictor(predictor, store), settings, limits
    )
    steps = recompute(
        tracks,
        place,
        decoder,
        settings=linking,
        locked_frames=locked_frames,
        followed=followed,
    )
    while True:
        try:
            _, done, total = next(steps)
        except StopIteration as stop:
            result: Recomputed = stop.value
            return result
        yield Progress("recompute", done, total)
