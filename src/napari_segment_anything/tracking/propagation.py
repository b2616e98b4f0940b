"""Masks of single frames become tracks: link, repair where they break, link again."""

from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.breaks import Break, find_breaks
from napari_segment_anything.tracking.lineage import Lineage
from napari_segment_anything.tracking.linking import link_objects
from napari_segment_anything.tracking.objects import FrameObjects, measure
from napari_segment_anything.tracking.repair import (
    FramePredictor,
    RepairSettings,
    repair_frame,
)
from napari_segment_anything.tracking.review import Doubt, review
from napari_segment_anything.tracking.settings import LinkingSettings


@dataclass(frozen=True, eq=False)
class TrackingResult:
    """Masks through time.

    Attributes
    ----------
    frames : list of MaskSet
        Masks of each frame after repair.
    lineage : Lineage
        Tracks through them.
    repaired : set of (frame, detection)
        Masks that repair has made.
    doubts : list of Doubt
        What a person should look at, most doubtful first.
    """

    frames: list[MaskSet]
    lineage: Lineage
    repaired: set[tuple[int, int]]
    doubts: list[Doubt]


def track_masks(
    frames: Sequence[MaskSet],
    frame_predictor: FramePredictor | None = None,
    settings: LinkingSettings | None = None,
    *,
    repair: RepairSettings | None = None,
    locked: Collection[int] = (),
) -> Generator[tuple[str, int, int], None, TrackingResult]:
    """Carry the masks of single frames through time.

    Parameters
    ----------
    frames : sequence of MaskSet
        One a frame.
    frame_predictor : FramePredictor, optional
        Asked again where tracks break; without one there is no repair.
    settings : LinkingSettings, optional
        Estimated from the movie by default.
    repair : RepairSettings, optional
        When the predictor's answers are believed.
    locked : collection of int
        Frames whose masks are never changed.

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
        is_new=[np.zeros(len(frame), dtype=bool) for frame in frames],
    )
    lineage = yield from _link(work, settings)
    asked: set[tuple[int, ...]] = set()
    if frame_predictor is not None:
        for _ in range(repair.max_rounds):
            found = find_breaks(work.frames, work.objects, lineage, locked=locked)
            found = [b for b in found if b.key not in asked]
            asked.update(b.key for b in found)
            n_changed = yield from _repair(work, found, frame_predictor, repair)
            if not n_changed:
                break
            lineage = yield from _link(work, settings)
    repaired = {
        (t, int(k))
        for t, flags in enumerate(work.is_new)
        for k in np.flatnonzero(flags)
    }
    return TrackingResult(work.frames, lineage, repaired, review(lineage, work.objects))


@dataclass(frozen=True, eq=False)
class _Work:
    """Masks while they are repaired; lists of one entry a frame."""

    frames: list[MaskSet]
    objects: list[FrameObjects]
    is_new: list[npt.NDArray[np.bool_]]


def _link(
    work: _Work, settings: LinkingSettings | None
) -> Generator[tuple[str, int, int], None, Lineage]:
    steps = link_objects(work.objects, settings)
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
) -> Generator[tuple[str, int, int], None, int]:
    """Repair frame by frame; returns the number of frames that changed."""
    by_frame: dict[int, list[Break]] = {}
    for one in found:
        by_frame.setdefault(one.frame, []).append(one)
    n_changed = 0
    for done, (t, breaks) in enumerate(sorted(by_frame.items()), start=1):
        repaired = repair_frame(work.frames[t], breaks, predictor, settings)
        if repaired.n_new:
            n_changed += 1
            was_new = work.is_new[t][list(repaired.kept)]
            work.is_new[t] = np.append(was_new, np.ones(repaired.n_new, dtype=bool))
            work.frames[t] = repaired.mask_set
            work.objects[t] = measure(repaired.mask_set)
        yield "repair", done, len(by_frame)
    return n_changed
