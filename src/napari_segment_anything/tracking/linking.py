"""Links between the objects of a movie: which ones are the same, which are daughters.

Frame by frame, the cheapest consistent choice of links and divisions; then what only a
longer view can tell: masks that merged and parted again, objects that broke apart for a
moment, and objects that were hidden for a few frames.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.errors import InvalidSettingsError
from napari_segment_anything.tracking.affinity import (
    Candidates,
    FloatArray,
    candidates,
)
from napari_segment_anything.tracking.assignment import assign
from napari_segment_anything.tracking.broken import undo_breaks
from napari_segment_anything.tracking.division import (
    Divisions,
    no_divisions,
    possible_divisions,
)
from napari_segment_anything.tracking.gaps import join_over_gaps
from napari_segment_anything.tracking.graph import LinkGraph
from napari_segment_anything.tracking.hindsight import undo_merges
from napari_segment_anything.tracking.known import Known
from napari_segment_anything.tracking.lineage import Lineage, with_ids
from napari_segment_anything.tracking.link_memory import LinkedPair, LinkMemory
from napari_segment_anything.tracking.motion import (
    mutual_nearest,
    neighbour_motion,
)
from napari_segment_anything.tracking.objects import FrameObjects, measure
from napari_segment_anything.tracking.settings import (
    LinkingSettings,
    estimate_settings,
    settings_from_objects,
    typical_diameter,
)
from napari_segment_anything.tracking.words import MotionWords

__all__ = ["LinkingSettings", "estimate_settings", "link", "link_objects"]

N_WINDOWS = 40


def link(
    frames: Sequence[MaskSet],
    settings: LinkingSettings | None = None,
    *,
    features: Sequence[npt.NDArray[np.floating]] | None = None,
) -> Lineage:
    """Link the objects of a movie into tracks with parents.

    Parameters
    ----------
    frames : sequence of MaskSet
        One a frame; a frame may be empty.
    settings : LinkingSettings, optional
        Estimated from the movie by default.
    features : sequence of (n, c) arrays, optional
        Mask-pooled image embedding of each frame's objects; the cosine between them
        then counts, too.

    Returns
    -------
    Lineage
        Every object of every frame is in exactly one track.

    Raises
    ------
    InvalidSettingsError
        If the number of feature arrays is not that of the frames.
    """
    objects = measure_frames(frames, features)
    steps = link_objects(objects, settings)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            lineage: Lineage = done.value
            return lineage


def measure_frames(
    frames: Sequence[MaskSet],
    features: Sequence[npt.NDArray[np.floating]] | None = None,
) -> list[FrameObjects]:
    """Measure the objects of each frame; see `link` for the parameters."""
    if features is not None and len(features) != len(frames):
        raise InvalidSettingsError(
            f"There are {len(features)} arrays of features for {len(frames)} frames. "
            "Give one for each frame, or none at all."
        )
    return [
        measure(frame, None if features is None else features[t])
        for t, frame in enumerate(frames)
    ]


def link_objects(
    objects: Sequence[FrameObjects],
    settings: LinkingSettings | MotionWords | None = None,
    known: Known | None = None,
    memory: LinkMemory | None = None,
) -> Generator[tuple[int, int], None, Lineage]:
    """Link measured objects; yields (frames done, frames in all) and returns a Lineage.

    What is known is taken for granted, what is remembered is not done again. See
    `link`.
    """
    known, memory = known or Known(), memory or LinkMemory()
    n_frames = len(objects)
    if memory.settings is None:
        if isinstance(settings, LinkingSettings):
            memory.settings = settings
        else:
            words = settings or MotionWords()
            memory.settings = words.settings(settings_from_objects(_windows(objects)))
        memory.diameter = typical_diameter(objects)
    settings, diameter = memory.settings, memory.diameter
    shifts = np.array(
        [memory.shift(objects, t) for t in range(n_frames - 1)], dtype=np.float64
    ).reshape(-1, 2)
    kept = known.objects | known.ids.keys()
    fragments = [memory.left_out(objects, shifts, t, kept) for t in range(n_frames)]
    graph = LinkGraph(
        [len(frame) for frame in objects],
        {(t, k) for t, of_frame in enumerate(fragments) for k in of_frame},
    )
    residual = np.zeros((len(objects[0]) if n_frames else 0, 2))
    for t in range(n_frames - 1):
        about = (*known.about(t), *fragments[t : t + 2])
        pair = memory.pairs.get(t)
        if pair is None or not pair.is_for(objects[t], objects[t + 1], residual, about):
            rules = _Rules(t, known, *fragments[t : t + 2])
            pair = _link_pair(
                objects[t : t + 2], shifts[t], residual, settings, diameter, rules
            )
            memory.pairs[t] = pair
        for before, after in known.links_from.get(t, ()):
            graph.add(before, after)
        for a, b in pair.links.tolist():
            graph.add((t, a), (t + 1, b))
        residual = pair.motion
        yield t + 1, n_frames
    if settings.division:
        undo_merges(graph, objects, shifts, settings, diameter, known)
        undo_breaks(graph, objects, shifts, settings, known)
    join_over_gaps(graph, objects, shifts, settings, diameter, known)
    yield n_frames, n_frames
    lineage = Lineage.from_links(graph.n_detections, graph.links(), known.births)
    return with_ids(lineage, known.ids)


def _windows(objects: Sequence[FrameObjects]) -> list[Sequence[FrameObjects]]:
    """Three consecutive frames from up to 40 places of the movie."""
    starts = np.linspace(0, max(len(objects) - 3, 0), N_WINDOWS).astype(int)
    return [objects[t : t + 3] for t in np.unique(starts).tolist()]


@dataclass(frozen=True, eq=False)
class _Rules:
    """Which links from frame t to the next are forbidden."""

    t: int
    known: Known
    fragments_before: frozenset[int]
    fragments_after: frozenset[int]

    @property
    def about(self) -> tuple[object, ...]:
        """All that they depend on."""
        fragments = self.fragments_before, self.fragments_after
        return (*self.known.about(self.t), *fragments)

    def allowed(
        self, links: Candidates, divisions: Divisions
    ) -> tuple[Candidates, Divisions]:
        """Leave out what contradicts what is known, and links of fragments."""
        t, known = self.t, self.known
        is_free = [
            a not in self.fragments_before
            and b not in self.fragments_after
            and known.may_link((t, a), (t + 1, b))
            for a, b in zip(links.before.tolist(), links.after.tolist(), strict=True)
        ]
        may_be = [
            mother not in self.fragments_before
            and self.fragments_after.isdisjoint(daughters)
            and known.may_divide((t, mother), [(t + 1, d) for d in daughters])
            for mother, daughters in zip(
                divisions.mothers.tolist(), divisions.daughters.tolist(), strict=True
            )
        ]
        return links.select(np.flatnonzero(is_free)), divisions.select(
            np.flatnonzero(may_be)
        )


def _link_pair(
    frames: Sequence[FrameObjects],
    shift: FloatArray,
    residual: FloatArray,
    settings: LinkingSettings,
    diameter: float,
    rules: _Rules,
) -> LinkedPair:
    """Link a frame to the next."""
    before, after = frames
    expected = before.centroids + shift + settings.persistence * residual
    if settings.coherence > 0:
        i, j = mutual_nearest(before.centroids + shift, after.centroids, 1.5 * diameter)
        moved = after.centroids[j] - before.centroids[i] - shift
        expected += settings.coherence * neighbour_motion(before.centroids, i, moved)
    links = candidates(before, after, expected, settings, diameter)
    divisions = (
        possible_divisions(before, after, expected, settings, diameter)
        if settings.division
        else no_divisions()
    )
    links, divisions = rules.allowed(links, divisions)
    half = settings.unlinked_cost / 2
    chosen_links, chosen_divisions = assign(
        links,
        divisions,
        # Objects leave and enter at the border, so there it is no surprise.
        np.where(before.is_at_border, half / 2, half),
        np.where(after.is_at_border, half / 2, half),
        division_cost=settings.division_cost,
    )
    motion = np.zeros((len(after), 2))
    i, j = links.before[chosen_links], links.after[chosen_links]
    motion[j] = after.centroids[j] - before.centroids[i] - shift
    mothers = np.repeat(divisions.mothers[chosen_divisions], 2)
    daughters = divisions.daughters[chosen_divisions].ravel()
    chosen = np.stack(
        [np.concatenate([i, mothers]), np.concatenate([j, daughters])], axis=1
    )
    return LinkedPair(before, after, residual, rules.about, chosen, shift, motion)
