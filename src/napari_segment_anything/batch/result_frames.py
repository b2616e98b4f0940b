"""The result of a tracking job as tracks that can be corrected and exported."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_segment_anything.batch.mask_scores import MaskScores
from napari_segment_anything.batch.track_result import Position, TrackResult
from napari_segment_anything.batch.tracked_movies import TrackedMovies
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.tracking.correction import EditableTracks


@dataclass(frozen=True, eq=False)
class ResultFrames:
    """Label images of one movie of a result, and the images that they are of.

    Parameters
    ----------
    result : TrackResult
        Of one movie or several.
    stack : Stack
        What was tracked.
    position : tuple of int
        Where the movie lies on the axes beside the tracked one.
    """

    result: TrackResult
    stack: Stack
    position: Position = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Frames, rows, columns."""
        lengths = dict(zip(self.stack.index_axes, self.stack.index_shape, strict=True))
        return (lengths[self.result.axis], *self.stack.plane_shape)

    def image(self, frame: int) -> npt.NDArray[np.generic]:
        """Image of a frame."""
        return self.stack.read(self._index(frame))

    def __getitem__(self, frame: int) -> npt.NDArray[np.int32]:
        """Label image of a frame."""
        labels = self.result.labels
        if isinstance(labels, LabelStore):
            return labels.read_plane(self._index(frame))
        plane: npt.NDArray[np.int32] = labels[self._index(frame)]
        return plane

    def __setitem__(self, frame: int, labels: npt.NDArray[np.integer]) -> None:
        """Replace the label image of a frame."""
        target = self.result.labels
        if isinstance(target, LabelStore):
            target.write_plane(self._index(frame), labels)
        else:
            target[self._index(frame)] = labels

    def _index(self, frame: int) -> tuple[int, ...]:
        others = self.result.other_axes
        place = dict(zip(others, self.position or (0,) * len(others), strict=True))
        place[self.result.axis] = frame
        return tuple(place[letter] for letter in self.stack.index_axes)


def editable_tracks(result: TrackResult, stack: Stack) -> EditableTracks:
    """Take the tracks of one movie for export or correction.

    Raises
    ------
    InvalidAxesError
        If there are several movies; `tracked_movies` takes them all.
    """
    parents = {t.id: t.parent for t in result.lineage.tracks if t.parent}
    return EditableTracks(ResultFrames(result, stack), parents)


def tracked_movies(result: TrackResult, stack: Stack) -> TrackedMovies:
    """Take the tracks of all movies of a result, to be exported."""
    frames = {
        position: ResultFrames(result, stack, position) for position in result.lineages
    }
    movies = {
        position: EditableTracks(
            frames[position], {t.id: t.parent for t in lineage.tracks if t.parent}
        )
        for position, lineage in result.lineages.items()
    }
    return TrackedMovies(
        movies,
        axis=result.axis,
        index_axes=stack.index_axes,
        plane_axes=stack.plane_axes,
        read=lambda position, frame: frames[position].image(frame),
        scale=stack.scale,
        units=stack.units,
        translate=stack.translate,
        scores=MaskScores(
            result.table, result.axis, result.other_axes, stack.plane_axes
        ),
    )


def axis_of(stack: Stack) -> str:
    """Axis that objects of the only movie of a stack are followed along."""
    lengths = zip(stack.index_axes, stack.index_shape, strict=True)
    return next((letter for letter, n in lengths if n > 1), stack.index_axes[:1] or "T")


def movie_of(
    tracks: EditableTracks, stack: Stack, scores: MaskScores | None = None
) -> TrackedMovies:
    """Take tracks of the only movie of a stack, whoever made them, to be exported."""
    axis = axis_of(stack)
    indices = list(stack.indices())
    return TrackedMovies(
        {(): tracks},
        axis=axis,
        index_axes=axis,
        plane_axes=stack.plane_axes,
        read=lambda _, frame: stack.read(indices[frame]),
        scale=stack.scale,
        units=stack.units,
        translate=stack.translate,
        scores=scores,
    )
