"""What the dock *Time* asks for, and what it gets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from napari_segment_anything.errors import InvalidAxesError
from napari_segment_anything.tracking.words import MotionWords

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_segment_anything.batch.mask_scores import MaskScores
    from napari_segment_anything.batch.track_result import Position, TrackResult
    from napari_segment_anything.session.planes import PlaneId, PlaneSource
    from napari_segment_anything.stacks.stack import Stack
    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.review import Doubt
    from napari_segment_anything.tracking.settings import LinkingSettings
    from napari_segment_anything.widgets.time_history import Done


@dataclass(frozen=True, eq=False)
class TimeRequest:
    """All that a tracking job of the dock depends on.

    Parameters
    ----------
    source : PlaneSource
        The image.
    plane : PlaneId
        The plane that was shown; says which channel and which movie is looked at.
    axes : str
        Axes of the image.
    along : str
        Axis to follow objects along.
    frames : range
        Positions on it.
    words : MotionWords
        How objects move.
    directions : (bool, bool)
        Whether tracks are carried on forwards, and backwards.
    start : array or None
        Labels to start from.
    search, are_tracks, is_locked
        See `StartLabels`.
    locked_frames : tuple of int
        Positions along the axis in which nothing is changed.
    is_one_movie : bool
        Whether only the movie that was shown is looked at, and not all of the image.
    """

    source: PlaneSource
    plane: PlaneId
    axes: str
    along: str
    frames: range
    words: MotionWords
    directions: tuple[bool, bool] = (True, True)
    start: Any = None
    search: str = "everything"
    are_tracks: bool = False
    is_locked: bool = True
    locked_frames: tuple[int, ...] = ()
    is_one_movie: bool = False

    @classmethod
    def of_all(cls, source: PlaneSource, plane: PlaneId) -> TimeRequest:
        """Return what asks for all frames, as everything mode does by itself.

        Parameters
        ----------
        source : PlaneSource
            The image.
        plane : PlaneId
            The plane that is shown.

        Raises
        ------
        InvalidAxesError
            If the image has no axis to follow objects along.
        """
        along = source.stack(plane).time_axis
        if along is None:
            raise InvalidAxesError(
                f"An image with the axes {source.axes} has neither T nor Z, so that no "
                "object can be followed; choose other axes for the image."
            )
        length = int(source.data.shape[source.axes.index(along)])
        return cls(source, plane, source.axes, along, range(length), MotionWords())

    def only(self, frames: range) -> TimeRequest:
        """Return the same for other frames of the movie that is shown."""
        return replace(self, frames=frames, is_one_movie=True)

    @property
    def starts(self) -> dict[str, int]:
        """Where the part that is wanted starts along each axis."""
        starts = {self.along: self.frames.start}
        if self.is_one_movie:
            here = self.position_of(self.plane)
            starts |= dict(zip(self.other_axes, here, strict=True))
        return starts

    def stack(self) -> Stack:
        """Return the part that is wanted, in which positions start anew from 0."""
        parts: dict[str, slice | int] = dict(self.starts)
        parts[self.along] = slice(self.frames.start, self.frames.stop)
        return self.source.stack(self.plane).select(**parts)

    def place(self, letters: str, index: tuple[int, ...]) -> tuple[int, ...]:
        """Return where something of the part lies in the image."""
        starts = self.starts
        return tuple(n + starts.get(a, 0) for a, n in zip(letters, index, strict=True))

    def position_of(self, plane: PlaneId) -> Position:
        """Which movie a plane belongs to: where it lies on the other axes."""
        return tuple(plane.position(letter) or 0 for letter in self.other_axes)

    @property
    def positions(self) -> list[Position]:
        """All movies of the image: where each lies on the other axes."""
        stack = self.source.stack(self.plane)
        lengths = dict(zip(stack.index_axes, stack.index_shape, strict=True))
        return list(product(*(range(lengths[letter]) for letter in self.other_axes)))

    def plane_of(self, position: Position) -> PlaneId:
        """Return a plane of a movie."""
        place = dict(zip(self.other_axes, position, strict=True))
        index = tuple((a, place.get(a, n)) for a, n in self.plane.index)
        return replace(self.plane, index=index)

    @property
    def other_axes(self) -> str:
        """Axes beside the tracked one that number the movies of the image."""
        known = {*self.plane.plane_axes, self.along, "C"}
        return "".join(letter for letter in self.axes if letter not in known)


@dataclass(frozen=True, eq=False)
class TimeTracks:
    """What a job found, ready to be reviewed and corrected.

    Parameters
    ----------
    request : TimeRequest
        What was asked for.
    result : TrackResult or None
        Of all movies; None for tracks that were loaded.
    movies : mapping of tuple of int to EditableTracks
        Tracks of each movie, by where it lies on the axes beside the tracked one.
    doubts : list of Doubt
        Of all movies, with frames of the image.
    scores : MaskScores or None
        How sure the model was of each mask; None for tracks that were loaded.
    done : sequence of Done, optional
        What was corrected already and can be taken back, the last one last.
    """

    request: TimeRequest
    result: TrackResult | None
    movies: Mapping[Position, EditableTracks]
    doubts: list[Doubt]
    scores: MaskScores | None = None
    done: Sequence[Done] = ()

    @property
    def linking(self) -> LinkingSettings | None:
        """How objects were thought to move."""
        return None if self.result is None else next(iter(self.result.linking.values()))
