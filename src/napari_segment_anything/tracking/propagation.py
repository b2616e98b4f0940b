"""Masks of single frames become tracks: link, repair where they break, link again."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.packed_masks import packed
from napari_segment_anything.tracking.breaks import find_breaks
from napari_segment_anything.tracking.contradiction import Break
from napari_segment_anything.tracking.expectations import carried_on
from napari_segment_anything.tracking.known import Known
from napari_segment_anything.tracking.known_gaps import with_filled_gaps
from napari_segment_anything.tracking.lineage import Lineage
from napari_segment_anything.tracking.link_memory import LinkMemory
from napari_segment_anything.tracking.linking import link_objects
from napari_segment_anything.tracking.motion import FloatArray, global_displacement
from napari_segment_anything.tracking.objects import FrameObjects, measure
from napari_segment_anything.tracking.reach import Reach
from napari_segment_anything.tracking.repair import RepairedFrame, repair_frame
from napari_segment_anything.tracking.repair_settings import (
    FramePredictor,
    Repair,
    RepairSettings,
)
from napari_segment_anything.tracking.review import Doubt, review
from napari_segment_anything.tracking.settings import LinkingSettings, typical_diameter
from napari_segment_anything.tracking.words import MotionWords

Node = tuple[int, int]
IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class TrackingResult:
    """Masks through time.

    Attributes
    ----------
    frames : list of MaskSet
        Masks of each frame after repair.
    lineage : Lineage
        Tracks through them.
    repairs : mapping of (frame, detection) to Repair
        Masks that repair has made, with why and how sure they are.
    doubts : list of Doubt
        What a person should look at, most doubtful first.
    known : Known
        What was known, at the positions of the masks after repair.
    origins : list of (n,) int arrays
        For each mask of each frame, its position before repair; -1 for a new one.
    settings : LinkingSettings
        How objects were thought to move.
    """

    frames: list[MaskSet]
    lineage: Lineage
    repairs: Mapping[Node, Repair]
    doubts: list[Doubt]
    known: Known = field(default_factory=Known)
    origins: list[IndexArray] = field(default_factory=list)
    settings: LinkingSettings = field(default_factory=LinkingSettings)

    @property
    def repaired(self) -> set[Node]:
        """Masks that repair has made."""
        return set(self.repairs)


def track_masks(
    frames: Sequence[MaskSet],
    frame_predictor: FramePredictor | None = None,
    settings: LinkingSettings | MotionWords | None = None,
    *,
    repair: RepairSettings | None = None,
    known: Known | None = None,
    forwards: bool = True,
    backwards: bool = True,
    reach: Reach | None = None,
) -> Generator[tuple[str, int, int], None, TrackingResult]:
    """Carry the masks of single frames through time.

    Parameters
    ----------
    frames : sequence of MaskSet
        One a frame.
    frame_predictor : FramePredictor, optional
        Asked again where tracks break; without one there is no repair.
    settings : LinkingSettings or MotionWords, optional
        Estimated from the movie by default, or where the words leave it open.
    repair : RepairSettings, optional
        When the predictor's answers are believed.
    known : Known, optional
        Frames, masks, ids and links that stay as they are.
    forwards, backwards : bool
        Whether tracks are carried on beyond their end, and before their start.
    reach : Reach, optional
        Nothing is repaired elsewhere.

    Yields
    ------
    (stage, done, total)
        Stage is ``"link"`` or ``"repair"``; done and total count frames. Closing the
        generator cancels.
    """
    repair = RepairSettings() if repair is None else repair
    work = _Work(
        frames=list(frames),
        objects=[measure(frame) for frame in frames],
        repairs=[[None] * len(frame) for frame in frames],
        origins=[np.arange(len(frame)) for frame in frames],
        known=known or Known(),
        reach=reach,
    )
    lineage = yield from _link(work, settings)
    asked: set[tuple[int | str, ...]] = set()
    if frame_predictor is not None:
        for _ in range(repair.max_rounds):
            found = find_breaks(
                work.frames,
                work.objects,
                lineage,
                known=work.known,
                forwards=forwards,
                backwards=backwards,
            )
            found = [one for one in found if work.is_open(one)]
            n_changed = yield from _repair(work, found, frame_predictor, repair, asked)
            if not n_changed:
                break
            lineage = yield from _link(work, settings)
    repairs = {
        (t, k): made
        for t, of_frame in enumerate(work.repairs)
        for k, made in enumerate(of_frame)
        if made is not None
    }
    doubts = review(lineage, work.objects, repairs)
    return TrackingResult(
        work.frames,
        lineage,
        repairs,
        doubts,
        work.known,
        work.origins,
        work.memory.settings or LinkingSettings(),
    )


@dataclass(eq=False)
class _Work:
    """Masks while they are repaired; lists of one entry a frame."""

    frames: list[MaskSet]
    objects: list[FrameObjects]
    repairs: list[list[Repair | None]]
    origins: list[IndexArray]
    known: Known
    reach: Reach | None = None
    changed: set[int] = field(default_factory=set)
    diameter: float = 1.0
    memory: LinkMemory = field(default_factory=LinkMemory)
    shifts: dict[tuple[int, int], FloatArray] = field(default_factory=dict)

    def begin_sweeps(self) -> None:
        """Forget what was measured before masks changed."""
        self.changed.clear()
        self.shifts.clear()
        self.diameter = typical_diameter(self.objects)

    def shift(self, t: int, other: int) -> FloatArray:
        """How the whole frame moves from one frame to another, pixels."""
        if not 0 <= other < len(self.objects):
            return np.zeros(2)
        if (t, other) not in self.shifts:
            self.shifts[t, other] = global_displacement(
                self.objects[t].centroids,
                self.objects[other].centroids,
                scale=self.diameter,
            )
        return self.shifts[t, other]

    def is_open(self, one: Break) -> bool:
        """Whether anything may be repaired in that frame, and at that place."""
        if one.frame in self.known.frames:
            return False
        return self.reach is None or bool(
            self.reach.holds(one.frame, one.expected).any()
        )

    def has(self, one: Break) -> bool:
        """Whether the masks that a break would replace are still where they were."""
        return not one.replaces or one.frame not in self.changed

    def take(self, t: int, repaired: RepairedFrame) -> None:
        """Replace the masks of a frame by the repaired ones."""
        n_new = len(repaired.repairs)
        kept = list(repaired.kept)
        self.repairs[t] = [*(self.repairs[t][k] for k in kept), *repaired.repairs]
        self.origins[t] = np.append(self.origins[t][kept], np.full(n_new, -1)).astype(
            np.intp
        )
        self.frames[t] = packed(repaired.mask_set)
        self.objects[t] = measure(self.frames[t])
        self.known = self.known.renumbered({t: repaired.kept})
        self.changed.add(t)


def _link(
    work: _Work, settings: LinkingSettings | MotionWords | None
) -> Generator[tuple[str, int, int], None, Lineage]:
    known = with_filled_gaps(work.known, work.frames, work.objects)
    steps = link_objects(work.objects, settings, known, work.memory)
    while True:
        try:
            done, total = next(steps)
        except StopIteration as stop:
            lineage: Lineage = stop.value
            return lineage
        yield "link", done, total


def _repair(
    work: _Work,
    found: Sequence[Break],
    predictor: FramePredictor,
    settings: RepairSettings,
    asked: set[tuple[int | str, ...]],
) -> Generator[tuple[str, int, int], None, int]:
    """Sweep over the frames, forwards and then backwards; returns how many changed.

    An object that was found beyond the end of its track is looked for in the frame
    after at once, as far as the settings allow.
    """
    work.begin_sweeps()
    n_done = n_changed = 0
    for direction in (1, -1):
        waiting: dict[int, list[tuple[Break, int]]] = {}
        for one in found:
            if (one.direction or 1) == direction:
                waiting.setdefault(one.frame, []).append((one, 1))
        while waiting:
            t = min(waiting) if direction == 1 else max(waiting)
            todo = [(b, n) for b, n in waiting.pop(t) if b.key not in asked]
            # Positions may have changed in the sweep before; then it is asked anew.
            asked.update(b.key for b, _ in todo)
            todo = [(b, n) for b, n in todo if work.has(b)]
            breaks = [b for b, _ in todo]
            repaired = repair_frame(work.frames[t], breaks, predictor, settings)
            if repaired.repairs:
                n_changed += 1
                work.take(t, repaired)
            first_new = len(repaired.kept)
            for n, source in enumerate(repaired.sources):
                one, n_carried = todo[source]
                limit = settings.max_carried
                if one.direction and (limit is None or n_carried < limit):
                    node = (t, first_new + n)
                    shift = work.shift(t, t + direction)
                    further = carried_on(
                        work.frames, work.objects, node, direction, shift
                    )
                    if further is not None and work.is_open(further):
                        waiting.setdefault(further.frame, []).append(
                            (further, n_carried + 1)
                        )
            n_done += 1
            yield "repair", n_done, n_done + len(waiting)
    return n_changed
