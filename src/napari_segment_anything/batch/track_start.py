"""Tracking that starts from labels which exist already, whoever made them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.packed_masks import packed
from napari_segment_anything.errors import InvalidImageError, InvalidSettingsError
from napari_segment_anything.stacks.array_like import ArrayLike
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.tracking.known import Known, Node, known_tracks

Search = Literal["everything", "followed", "nothing"]

# Of a mask that was found, this part may lie on labels that exist; it is cut off.
MAX_SHARED = 0.5


@dataclass(frozen=True, eq=False)
class StackPlanes:
    """A stack of labels as an array, (*index axes, H, W)."""

    stack: Stack

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return (*self.stack.index_shape, *self.stack.plane_shape)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the ids."""
        return self.stack.dtype

    def __getitem__(self, index: tuple[int, ...]) -> npt.NDArray[np.generic]:
        """Labels of one plane."""
        return self.stack.read(index)


@dataclass(frozen=True, eq=False)
class StartLabels:
    """Labels to start from, in the shape of the stack's planes.

    Attributes
    ----------
    labels : array-like
        (*index axes of the stack, H, W) integers; planes that are all 0 have no labels.
    search : str
        What everything mode is used for: ``everything`` adds what the labels lack;
        ``followed`` does, but keeps only tracks of objects in the labels, their
        ancestors and descendants; ``nothing`` is not searched for, but objects of the
        labels are carried into the other frames by prompts.
    are_tracks : bool
        Whether an id is the same object in every frame. It then keeps its id.
    parents : mapping of int to int
        Parent of each track, where it is known.
    is_locked : bool
        Whether the masks of the labels stay as they are.
    locked_frames : sequence of int
        Positions along the tracked axis in which nothing is added or changed.

    Raises
    ------
    InvalidSettingsError
        If `search` is none of the three words.
    """

    labels: ArrayLike
    search: Search = "everything"
    are_tracks: bool = False
    parents: Mapping[int, int] = field(default_factory=dict)
    is_locked: bool = True
    locked_frames: Sequence[int] = ()

    def __post_init__(self) -> None:
        if self.search not in get_args(Search):
            raise InvalidSettingsError(
                f"search is {self.search!r}; choose one of {get_args(Search)}."
            )

    def check(self, stack: Stack) -> None:
        """Raise unless the labels fit a stack.

        Raises
        ------
        InvalidImageError
            If shape or type do not fit.
        """
        wanted = (*stack.index_shape, *stack.plane_shape)
        if tuple(self.labels.shape) != wanted:
            raise InvalidImageError(
                f"The labels to start from have the shape {tuple(self.labels.shape)}, "
                f"but the image has {wanted}; give labels of the same planes."
            )
        if np.dtype(self.labels.dtype).kind not in "biu":
            raise InvalidImageError(
                f"The labels to start from are {self.labels.dtype}, not integers; "
                "convert them."
            )

    def read(self, index: tuple[int, ...]) -> npt.NDArray[np.int64]:
        """Read the labels of one plane."""
        return np.asarray(self.labels[index]).astype(np.int64)

    def describe(self, stack: Stack) -> dict[str, object]:
        """Return all that a result depends on, with a digest of the labels."""
        digest = hashlib.blake2b(digest_size=16)
        for index in stack.indices():
            digest.update(np.ascontiguousarray(self.labels[index]).tobytes())
        return {
            "labels": digest.hexdigest(),
            "search": self.search,
            "are_tracks": self.are_tracks,
            "parents": {str(k): v for k, v in sorted(self.parents.items())},
            "is_locked": self.is_locked,
            "locked_frames": sorted(self.locked_frames),
        }


class StartedFrames:
    """Collects the masks of a movie frame by frame, those of the labels first.

    Parameters
    ----------
    start : StartLabels or None
        Labels to start from; None where everything is searched.
    """

    def __init__(self, start: StartLabels | None) -> None:
        self.frames: list[MaskSet] = []
        self._start = start
        self._ids: list[npt.NDArray[np.int64]] = []

    def must_search(self, frame: int) -> bool:
        """Whether everything mode has to look at a frame."""
        if self._start is None:
            return True
        is_locked = frame in self._start.locked_frames
        return self._start.search != "nothing" and not is_locked

    def add(
        self, index: tuple[int, ...], shape: tuple[int, int], found: MaskSet | None
    ) -> None:
        """Add a frame: its labels, and of what was found what they lack."""
        found = MaskSet.empty(shape) if found is None else found
        if self._start is None:
            self.frames.append(packed(found))
            return
        plane = self._start.read(index)
        ids = np.unique(plane[plane > 0])
        given = MaskSet.from_labels(plane) if len(ids) else MaskSet.empty(shape)
        both = MaskSet.concatenate([given, beside(found, plane > 0)])
        self.frames.append(packed(both))
        self._ids.append(ids)

    def add_faint(self, faint: Sequence[MaskSet]) -> None:
        """Add to each frame masks that a look at several frames has found."""
        self.frames = [
            packed(MaskSet.concatenate(both)) if len(both[1]) else both[0]
            for both in zip(self.frames, faint, strict=True)
        ]

    @property
    def known(self) -> Known:
        """What the labels say about the movie."""
        if self._start is None:
            return Known()
        ids: list[npt.NDArray[np.int64]] = [
            np.concatenate([of_frame, np.zeros(len(frame) - len(of_frame), np.int64)])
            for of_frame, frame in zip(self._ids, self.frames, strict=True)
        ]
        masks = self.labelled
        frames = frozenset(self._start.locked_frames)
        if self._start.are_tracks:
            tracks = known_tracks(ids, self._start.parents)
            objects = masks if self._start.is_locked else frozenset[Node]()
            return Known(frames, objects, tracks.ids, tracks.links)
        return Known(frames, masks if self._start.is_locked else frozenset())

    @property
    def labelled(self) -> frozenset[Node]:
        """Masks that come from the labels."""
        return frozenset(
            (frame, k) for frame, ids in enumerate(self._ids) for k in range(len(ids))
        )


def beside(found: MaskSet, is_taken: npt.NDArray[np.bool_]) -> MaskSet:
    """Leave out masks that lie mostly on taken pixels, and cut those off the others."""
    masks, kept = [], []
    for k in range(len(found)):
        free = found.masks[k] & ~is_taken[found.slices(k)]
        if np.count_nonzero(free) > (1 - MAX_SHARED) * np.count_nonzero(found.masks[k]):
            kept.append(k)
            masks.append(free)
    rest = found.select(kept)
    return MaskSet.from_masks(
        found.shape,
        rest.boxes,
        masks,
        predicted_iou=rest.predicted_iou,
        stability_score=rest.stability_score,
    )


def parse_frames(text: str) -> tuple[int, ...]:
    """Parse ``"0, 10-12"`` into positions.

    Raises
    ------
    InvalidSettingsError
        If it is no list of frames.
    """
    frames: set[int] = set()
    for part in text.replace(";", ",").split(","):
        if not part.strip():
            continue
        low, _, high = part.partition("-")
        try:
            first, last = int(low), int(high or low)
        except ValueError as error:
            raise InvalidSettingsError(
                f"{part.strip()!r} is no frame; write numbers and ranges such as "
                "0, 10-12."
            ) from error
        if last < first:
            raise InvalidSettingsError(
                f"{part.strip()!r} ends before it starts; write {last}-{first}."
            )
        frames.update(range(first, last + 1))
    return tuple(sorted(frames))
