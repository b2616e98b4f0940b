"""What is done to finished objects, as steps that can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_segment_anything.session import rework
from napari_segment_anything.session.actions import Action, ActionKind
from napari_segment_anything.session.carry import known_slices
from napari_segment_anything.session.commits import carried
from napari_segment_anything.session.filling import fill
from napari_segment_anything.widgets.narrator import count_objects

if TYPE_CHECKING:
    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.answers import AnswerSettings
    from napari_segment_anything.session.carry import Carried
    from napari_segment_anything.session.commits import Commit
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.prompt_jobs import PromptedPlane
    from napari_segment_anything.session.review import Passing, ReviewFilter
    from napari_segment_anything.session.session import Session
    from napari_segment_anything.widgets.annotation_layers import AnnotationLayers
    from napari_segment_anything.widgets.steps import Steps


class ObjectEditor:
    """Deletes, merges, splits, confirms and carries objects; fills whole planes in.

    Parameters
    ----------
    layers, session, steps : AnnotationLayers, Session, Steps
        What is changed, remembered, and how.
    """

    def __init__(
        self, layers: AnnotationLayers, session: Session, steps: Steps
    ) -> None:
        self._layers = layers
        self._session = session
        self._steps = steps

    def delete(self, plane: PlaneId) -> int | None:
        """Delete the object that is open, on all of its planes; return its id."""
        open_id = self._session.reopened_on(plane)
        if open_id is None:
            return None
        commit = rework.delete(self._steps.canvas, plane, open_id)
        self._close(commit.title, plane, commit)
        return open_id

    def confirm(self, plane: PlaneId) -> int | None:
        """Say that the object that is open is right; return its id."""
        open_id = self._session.reopened_on(plane)
        if open_id is None:
            return None
        commit = rework.confirm(self._steps.canvas(plane), open_id)
        if commit is None:
            return None
        self._close(commit.title, plane, commit)
        return open_id

    def merge(self, plane: PlaneId) -> list[int]:
        """Join the open object with those under the points; return their ids."""
        ids = self._pointed_at(plane)
        if len(ids) < 2:
            return []
        commit = rework.merge(self._steps.canvas, plane, ids)
        self._close(commit.title, plane, commit)
        return ids

    def split(self, plane: PlaneId) -> list[int]:
        """Cut the open object by what is drawn; return the ids of its parts."""
        open_id = self._session.reopened_on(plane)
        if open_id is None:
            return []
        drawn = self._steps.content.on(plane, self._layers.axes)
        commit = rework.split(self._steps.canvas(plane), open_id, drawn)
        if commit is None:
            return []
        self._close(commit.title, plane, commit)
        return list(commit.action.ids)

    def fill(self, passing: Passing, class_id: int = 1) -> list[int]:
        """Fill in what everything mode found; return the new ids.

        When the newest step moved a filter, this one takes its place.
        """
        plane = passing.candidates.plane
        before, after = passing.filters
        if before is not None and self.base_filter(plane) != before:
            return []  # the objects have changed since this was worked out
        newest = self._session.newest
        if newest is not None and plane in newest.filters:
            moved_from, _ = newest.filters[plane]
            if moved_from == before:
                self._steps.undo()
        if after == before:
            return []
        commit = fill(self._steps.canvas(plane), passing, class_id=class_id)
        self._steps.do(commit.title, plane, self._steps.content, commit)
        return list(commit.action.ids)

    def base_filter(self, plane: PlaneId) -> ReviewFilter | None:
        """Return what a new filter is compared with, see `fill`."""
        newest = self._session.newest
        moved_from = None
        if newest is not None:
            moved_from, _ = newest.filters.get(plane, (None, None))
        return moved_from or self._session.filter_on(plane)

    def accept_many(
        self, answered: PromptedPlane, *, may_overwrite: bool, class_id: int
    ) -> list[int]:
        """Turn masks of many prompts into objects; return their ids."""
        commit = self._steps.canvas(answered.plane).accept_many(
            answered, may_overwrite=may_overwrite, class_id=class_id
        )
        if commit is None:
            return []
        title = f"prompting of {count_objects(len(commit.action.ids))}"
        self._steps.do(title, answered.plane, self._steps.content, commit)
        return list(commit.action.ids)

    def slices_of(
        self, plane: PlaneId, object_id: int, axis: str
    ) -> dict[PlaneId, MaskSet]:
        """Return an object as it is painted now, on its planes along an axis."""
        return known_slices(self._steps.canvas, plane, object_id, axis)

    def add_carried(
        self, found: Carried, plane: PlaneId, object_id: int, settings: AnswerSettings
    ) -> int:
        """Paint an object on the planes it was carried to; return how many."""
        action = Action(
            ActionKind.CARRY,
            plane,
            ids=(object_id,),
            predicted_iou=tuple(
                float(masks.predicted_iou[0]) for masks in found.masks.values()
            ),
            model_digest=found.model_digest,
            settings=settings,
            axis=found.axis,
            span=found.span,
        )
        canvases = [(self._steps.canvas(p), masks) for p, masks in found.masks.items()]
        commit = carried(canvases, action)
        if commit is None:
            return 0
        self._steps.do(commit.title, plane, self._steps.content, commit)
        return len(commit.objects)

    def _pointed_at(self, plane: PlaneId) -> list[int]:
        open_id = self._session.reopened_on(plane)
        drawing = self._steps.content.on(plane, self._layers.axes)
        under = [
            self._layers.results.label_at(plane, float(y), float(x))
            for y, x in drawing.points[drawing.is_inside]
        ]
        ids = dict.fromkeys([*([open_id] if open_id else []), *under])
        known = self._session.objects
        return [i for i in ids if known.get(i, plane) is not None]

    def _close(self, title: str, plane: PlaneId, commit: Commit) -> None:
        content = self._steps.content.without(plane, self._layers.axes)
        open_id = self._session.reopened_on(plane)
        reopened = {} if open_id is None else {plane: (open_id, None)}
        self._steps.do(title, plane, content, commit, reopened)
