"""What a person or another tool has said about a movie, and nothing may change."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.errors import InvalidSettingsError

Node = tuple[int, int]
Link = tuple[Node, Node]


@dataclass(frozen=True)
class Known:
    """Frames, masks, ids and links that are right and stay as they are.

    Attributes
    ----------
    frames : frozenset of int
        Frames in which no mask is changed, removed or added.
    objects : frozenset of (frame, detection)
        Masks that are never changed or removed.
    ids : mapping of (frame, detection) to int
        Track ids that these masks keep. Two masks with different ids are never
        one track; one may be the other's daughter.
    links : frozenset of (earlier, later)
        Links that are made whatever they cost; a division has two with one mother.
        Nothing else follows the earlier mask or precedes the later one.
    apart : frozenset of (earlier, later)
        Links that are never made.

    Raises
    ------
    InvalidSettingsError
        If a link runs backwards in time, or a mask has two predecessors.
    """

    frames: frozenset[int] = frozenset()
    objects: frozenset[Node] = frozenset()
    ids: Mapping[Node, int] = field(default_factory=dict)
    links: frozenset[Link] = frozenset()
    apart: frozenset[Link] = frozenset()

    def __post_init__(self) -> None:
        later = [after for _, after in self.links]
        if len(set(later)) < len(later):
            raise InvalidSettingsError(
                "Two known links lead to the same object. Keep one of them."
            )
        for before, after in self.links:
            if before[0] >= after[0]:
                raise InvalidSettingsError(
                    f"The known link {before} → {after} does not run forwards in "
                    "time. Give the earlier object first."
                )

    @cached_property
    def with_successor(self) -> frozenset[Node]:
        """Masks of which it is known what follows."""
        return frozenset(before for before, _ in self.links)

    @cached_property
    def with_predecessor(self) -> frozenset[Node]:
        """Masks of which it is known what precedes."""
        return frozenset(after for _, after in self.links)

    @cached_property
    def births(self) -> frozenset[Node]:
        """Masks that are known to follow a mask of another track."""
        return frozenset(
            after
            for before, after in self.links
            if before in self.ids
            and after in self.ids
            and self.ids[before] != self.ids[after]
        )

    @cached_property
    def links_from(self) -> Mapping[int, tuple[Link, ...]]:
        """Known links by the frame of their earlier end."""
        found: dict[int, list[Link]] = {}
        for link in sorted(self.links):
            found.setdefault(link[0][0], []).append(link)
        return {frame: tuple(links) for frame, links in found.items()}

    @cached_property
    def _by_frame(self) -> Mapping[int, frozenset[object]]:
        found: dict[int, set[object]] = {}
        for node, number in self.ids.items():
            found.setdefault(node[0], set()).add((node, number))
        for links in (self.links, self.apart):
            for link in links:
                for frame in {link[0][0], link[1][0]}:
                    found.setdefault(frame, set()).add((links is self.apart, link))
        return {frame: frozenset(facts) for frame, facts in found.items()}

    def about(self, frame: int) -> tuple[object, ...]:
        """All that bears on the links from a frame to the next, to be compared."""
        nothing: frozenset[object] = frozenset()
        return (
            self._by_frame.get(frame, nothing),
            self._by_frame.get(frame + 1, nothing),
        )

    def may_link(self, before: Node, after: Node) -> bool:
        """Whether two masks may be the same object."""
        if before in self.with_successor or after in self.with_predecessor:
            return False
        first, second = self.ids.get(before), self.ids.get(after)
        if first is not None and second is not None and first != second:
            return False
        return (before, after) not in self.apart

    def may_divide(self, mother: Node, daughters: Iterable[Node]) -> bool:
        """Whether one mask may be the mother of two others."""
        if mother in self.with_successor:
            return False
        own = self.ids.get(mother)
        return all(
            daughter not in self.with_predecessor
            and (mother, daughter) not in self.apart
            and (own is None or self.ids.get(daughter) != own)
            for daughter in daughters
        )

    def renumbered(self, kept: Mapping[int, Sequence[int]]) -> "Known":
        """Follow masks to new positions in their frames.

        Parameters
        ----------
        kept : mapping of int to sequence of int
            For frames that have changed: the old positions of the masks that stayed,
            in their new order. Known masks are among them.
        """
        if not kept or not (self.objects or self.ids or self.links or self.apart):
            return self
        place = {
            (frame, old): (frame, new)
            for frame, olds in kept.items()
            for new, old in enumerate(olds)
        }

        def moved(node: Node) -> Node:
            return place[node] if node[0] in kept else node

        def is_there(link: Link) -> bool:
            return all(n[0] not in kept or n in place for n in link)

        def moved_links(links: Collection[Link]) -> frozenset[Link]:
            return frozenset((moved(a), moved(b)) for a, b in links if is_there((a, b)))

        return Known(
            self.frames,
            frozenset(moved(n) for n in self.objects),
            {moved(n): i for n, i in self.ids.items()},
            moved_links(self.links),
            moved_links(self.apart),
        )


def known_tracks(
    ids: Sequence[npt.NDArray[np.integer]], parents: Mapping[int, int] | None = None
) -> Known:
    """Take masks that have track ids already for granted.

    Parameters
    ----------
    ids : sequence of (n,) arrays
        Track id of each mask of each frame; 0 for a mask that is not known.
    parents : mapping of int to int, optional
        Parent of a track; 0 or missing for none.

    Returns
    -------
    Known
        Each id is one track, gaps included; where parents are given, the links to them
        are known too.
    """
    nodes: dict[int, list[Node]] = {}
    for frame, numbers in enumerate(ids):
        for detection, number in enumerate(np.asarray(numbers).tolist()):
            if number:
                nodes.setdefault(number, []).append((frame, detection))
    links = {
        (before, after)
        for track in nodes.values()
        for before, after in itertools.pairwise(track)
    }
    for child, parent in (parents or {}).items():
        if parent in nodes and child in nodes and nodes[parent][-1] < nodes[child][0]:
            links.add((nodes[parent][-1], nodes[child][0]))
    by_node = {node: number for number, track in nodes.items() for node in track}
    return Known(objects=frozenset(by_node), ids=by_node, links=frozenset(links))


def all_masks(frames: Sequence[MaskSet]) -> frozenset[Node]:
    """Every mask of every frame."""
    return frozenset(
        (frame, detection)
        for frame, masks in enumerate(frames)
        for detection in range(len(masks))
    )
