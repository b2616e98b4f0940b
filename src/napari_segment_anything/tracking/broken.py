"""Divisions that other frames show to be none: an object that broke, or held two."""

from collections.abc import Sequence

from napari_segment_anything.tracking.affinity import FloatArray
from napari_segment_anything.tracking.fragments import common_outline, n_seen
from napari_segment_anything.tracking.graph import LinkGraph, Node
from napari_segment_anything.tracking.known import Known
from napari_segment_anything.tracking.objects import FrameObjects
from napari_segment_anything.tracking.settings import LinkingSettings

# Fragments that are one mask again soon have at least this in common with the mother
# (intersection over union of the daughters together with her mask).
MAY_BE_BROKEN = 0.4
# Whatever has this in common is no division, if nothing later tells.
SAME_OUTLINE = 0.8


def undo_breaks(
    graph: LinkGraph,
    objects: Sequence[FrameObjects],
    shifts: FloatArray,
    settings: LinkingSettings,
    known: Known,
) -> None:
    """Take back divisions of objects that did not divide.

    Some fell apart for a moment. Others held two objects from the beginning: nothing
    tells that they were one.
    """
    for mother in graph.divisions():
        daughters = graph.successors(mother)
        if len(daughters) != 2 or mother in known.with_successor:
            continue
        if daughters[0][0] != daughters[1][0]:
            continue
        outline = common_outline(objects, mother, daughters)
        if outline < MAY_BE_BROKEN:
            continue
        count, whole = _later(objects, daughters, shifts, settings)
        is_new = graph.predecessor(mother) is None
        if count == 2 and not (is_new and outline > SAME_OUTLINE):
            continue
        if count == 0 and outline < SAME_OUTLINE:
            continue
        _take_back(graph, mother, daughters, whole, objects, known)


def _later(
    objects: Sequence[FrameObjects],
    daughters: tuple[Node, ...],
    shifts: FloatArray,
    settings: LinkingSettings,
) -> tuple[int, Node | None]:
    """Tell how many objects go on where two were, by the first frame that can."""
    frame = daughters[0][0]
    pair = [k for _, k in daughters]
    for t in range(frame + 1, min(frame + 2 + settings.gap_frames, len(objects))):
        count, whole = n_seen(objects, shifts, frame, pair, t)
        if count:
            return count, None if whole is None else (t, whole)
    return 0, None


def _take_back(
    graph: LinkGraph,
    mother: Node,
    daughters: tuple[Node, ...],
    whole: Node | None,
    objects: Sequence[FrameObjects],
    known: Known,
) -> None:
    """Let one fragment go on as the object."""

    def goodness(daughter: Node) -> tuple[bool, float]:
        area = float(objects[daughter[0]].areas[daughter[1]])
        return whole in graph.successors(daughter), area

    fragment, kept = sorted(daughters, key=goodness)
    if not known.may_link(mother, kept):
        fragment, kept = kept, fragment
    if not known.may_link(mother, kept):
        return
    graph.remove(mother, fragment)
    # Where the object is whole again, nothing else goes on from its fragments.
    if whole is None or whole[0] != kept[0] + 1:
        return
    for one in (fragment, kept):
        if one not in known.with_successor:
            for after in graph.successors(one):
                if (one, after) != (kept, whole):
                    graph.remove(one, after)
    if graph.predecessor(whole) is None and known.may_link(kept, whole):
        graph.add(kept, whole)
