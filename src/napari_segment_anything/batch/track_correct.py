"""Corrections of tracks without a window: those that the dock *Time* offers."""

from collections.abc import Callable, Generator, Sequence

import numpy as np
import numpy.typing as npt

from napari_segment_anything.batch.frame_decoder import FrameDecoder
from napari_segment_anything.batch.mask_scores import MaskScores
from napari_segment_anything.batch.object_size import with_object_size
from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.batch.track_jobs import recompute_job, review_tracks_job
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.errors import InvalidImageError, InvalidSettingsError
from napari_segment_anything.stacks.intensity import (
    IntensityRange,
    estimate_intensity_range,
)
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.embedding_store import EmbeddingStore
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore
from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.correction_steps import (
    Correction,
    InvalidCorrectionError,
    Place,
)
from napari_segment_anything.tracking.correction_words import TrackStep, parse_steps
from napari_segment_anything.tracking.redraw import owner_of, redraw
from napari_segment_anything.tracking.repair_settings import RepairedMask
from napari_segment_anything.tracking.review import Doubt


def correct_tracks(
    stack: Stack,
    tracks: EditableTracks,
    steps: Sequence[str | TrackStep],
    predictor: MaskPredictor | None = None,
    *,
    intensity_range: tuple[float, float] | None = None,
    store: EmbeddingStore | None = None,
    scores: MaskScores | None = None,
) -> Generator[Progress, None, list[Doubt]]:
    """Carry out corrections, one after the other, and review what came of them.

    Parameters
    ----------
    stack : Stack
        The movie.
    tracks : EditableTracks
        Its tracks, which are changed.
    steps : sequence of str or TrackStep
        Such as ``"cut 7 40"``; see `parse_steps`. What is prompted is locked and what
        depends on it is computed again, as in the dock.
    predictor : MaskPredictor, optional
        Asked by ``prompt`` and ``recompute``.
    intensity_range : tuple of float, optional
        Intensities that become black and white; by default estimated over the stack.
    store : EmbeddingStore, optional
        Embeddings are looked up and kept here; by default in memory.
    scores : MaskScores, optional
        How sure the model was of the masks; what repair makes is added.

    Yields
    ------
    Progress
        Stages ``"correct"``, ``"recompute"`` and ``"review"``.

    Returns
    -------
    list of Doubt
        What is doubtful afterwards, worst first.

    Raises
    ------
    InvalidCorrectionError
        If a step does not fit the tracks; those before it have been carried out.
    InvalidImageError
        If the tracks are not those of the movie.
    InvalidSettingsError
        If a step asks the model and there is none.
    """
    planned = [
        step if isinstance(step, TrackStep) else parse_steps([step])[0]
        for step in steps
        if isinstance(step, TrackStep) or parse_steps([step])
    ]
    if len({n for n in stack.index_shape if n > 1}) > 1 or (
        (stack.n_planes, *stack.plane_shape) != tuple(tracks.labels.shape)
    ):
        raise InvalidImageError(
            f"The tracks have {tuple(tracks.labels.shape)} frames, rows and columns, "
            f"but the image has {(*stack.index_shape, *stack.plane_shape)}; give the "
            "movie that they are of."
        )
    model: _Model | None = None
    if any(step.needs_model for step in planned):
        if predictor is None:
            raise InvalidSettingsError(
                "A prompt and a recomputation need a model; give one."
            )
        limits = IntensityRange(*(intensity_range or estimate_intensity_range(stack)))
        model = _Model(stack, predictor, store or MemoryEmbeddingStore(), limits)
    for done, step in enumerate(planned):
        yield Progress("correct", done, len(planned))
        if model is None or not step.needs_model:
            tracks.apply(_CORRECTIONS[step.name](tracks, *step.numbers))
            continue
        place = (step.numbers[1], step.numbers[0])
        if step.name == "prompt":
            place = model.prompt(tracks, step)
        repaired = yield from model.recompute(tracks, place)
        if scores is not None:
            scores.add_repaired((), repaired)
    return (yield from review_tracks_job(tracks))


class _Model:
    """What answers prompts on the frames of a movie."""

    def __init__(
        self,
        stack: Stack,
        predictor: MaskPredictor,
        store: EmbeddingStore,
        limits: IntensityRange,
    ) -> None:
        self._stack, self._predictor = stack, predictor
        self._store, self._limits = store, limits
        settings = AutomaticSettings.for_model(predictor.config)
        self._settings = with_object_size(settings, stack, predictor, limits, store)
        self._indices = list(stack.indices())

    def prompt(self, tracks: EditableTracks, step: TrackStep) -> Place:
        """Put the object of a prompt into its track; returns where that is."""
        track, frame = step.numbers
        if not 0 <= frame < tracks.n_frames:
            raise InvalidCorrectionError(
                f"There is no frame {frame}: the movie has {tracks.n_frames}."
            )
        mask = self._outline(frame, step)
        track = track or owner_of(tracks, frame, mask)
        tracks.apply(redraw(tracks, track, frame, mask))
        return frame, track

    def recompute(
        self, tracks: EditableTracks, place: Place
    ) -> Generator[Progress, None, tuple[RepairedMask, ...]]:
        """Lock an object and compute again what depends on it."""
        if place[0] not in tracks.frames_of(place[1]):
            raise InvalidCorrectionError(
                f"Track {place[1]} is not seen in frame {place[0]}; name a frame of it."
            )
        tracks.locked = tracks.locked | {place}
        done = yield from recompute_job(
            self._stack,
            self._indices,
            self._predictor,
            self._store,
            tracks,
            place,
            intensity_range=self._limits,
            settings=self._settings,
        )
        tracks.apply(done.correction)
        return done.repaired

    def _outline(self, frame: int, step: TrackStep) -> npt.NDArray[np.bool_]:
        decoder = FrameDecoder(
            self._stack,
            self._indices,
            StoredPredictor(self._predictor, self._store),
            self._settings,
            self._limits,
        )
        n_inside = len(step.inside)
        labels = np.array([1] * n_inside + [0] * len(step.outside), np.int64)
        prompts = Prompts(
            points=step.points[None] if len(labels) else None,
            point_labels=labels[None] if len(labels) else None,
            boxes=None if step.box is None else np.array([step.box], np.float32),
        )
        # A single click may mean a part or the whole; more says which.
        is_ambiguous = step.box is None and len(labels) == 1
        found = decoder.predict(frame, prompts, multimask=is_ambiguous)
        best = int(found.predicted_iou.argmax())
        if found.areas[best] == 0:
            raise InvalidCorrectionError(
                f"No object is found in frame {frame} where it was prompted; give a "
                "point more, or a box."
            )
        return found.full_mask(best)


def _remove(tracks: EditableTracks, track: int, *frames: int) -> Correction:
    return tracks.remove(track, frames or None)


def _lock(tracks: EditableTracks, track: int, *frames: int) -> Correction:
    seen = tracks.frames_of(track)
    if missing := sorted(set(frames) - set(seen)):
        raise InvalidCorrectionError(
            f"Track {track} is not seen in frame {missing[0]}, so that nothing can be "
            "locked there."
        )
    places = {(frame, track) for frame in frames}
    return Correction((), tracks.parents, tracks.locked | places)


def _divide(tracks: EditableTracks, mother: int, *daughters: int) -> Correction:
    return tracks.divide(mother, daughters)


_CORRECTIONS: dict[str, Callable[..., Correction]] = {
    "cut": EditableTracks.cut,
    "join": EditableTracks.join_in_order,
    "divide": _divide,
    "apart": EditableTracks.set_apart,
    "swap": EditableTracks.swap,
    "remove": _remove,
    "lock": _lock,
}
