"""Everything that changes objects or prompts, as steps that can be undone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_segment_anything.session.commits import Canvas
from napari_segment_anything.session.history import Step
from napari_segment_anything.session.objects import Polarity
from napari_segment_anything.session.painting import keep_free_objects
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.session.record import Action, ActionKind
from napari_segment_anything.session.reopening import less, prompts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari_segment_anything.session.answers import AnswerSettings
    from napari_segment_anything.session.commits import Commit
    from napari_segment_anything.session.drawing import Drawing
    from napari_segment_anything.session.jobs import PlaneObjects
    from napari_segment_anything.session.objects import AcceptedObject
    from napari_segment_anything.session.pixel_edit import PixelEdit
    from napari_segment_anything.session.requests import MaskResponse
    from napari_segment_anything.session.session import Session
    from napari_segment_anything.widgets.annotation_layers import AnnotationLayers


class Editor:
    """Changes the layers of one image and tells the session, step by step.

    Parameters
    ----------
    layers : AnnotationLayers
        What is changed.
    session : Session
        Remembers it.
    """

    def __init__(self, layers: AnnotationLayers, session: Session) -> None:
        self._layers = layers
        self._session = session
        self._content = layers.prompts.content
        self._is_own_change = False

    def note_prompts(
        self, plane: PlaneId | None, *, may_reopen: bool = True
    ) -> AcceptedObject | None:
        """Remember what the user has just drawn, moved or removed.

        Parameters
        ----------
        plane : PlaneId or None
            The plane that is shown.
        may_reopen : bool, optional
            Whether a first click on a finished object means that object.

        Returns
        -------
        AcceptedObject or None
            The object that was opened again by the click.
        """
        content = self._layers.prompts.content
        if self._is_own_change or content.equals(self._content):
            return None
        here = plane or PlaneId()
        clicked = None
        if may_reopen and plane is not None:
            clicked = self._clicked_object(plane, content)
        if clicked is not None:
            self._reopen(clicked)
            return clicked
        reopened = {}
        open_id = self._session.reopened_on(here)
        if open_id is not None and content.on(here, self._layers.axes).is_empty:
            reopened[here] = (open_id, None)
        title = "prompt" if len(content.points) + len(content.outlines) else "clearing"
        self._do(title, here, content, reopened=reopened)
        return None

    def note_stroke(self, edit: PixelEdit, plane: PlaneId | None) -> None:
        """Remember what the user has just painted or erased by hand."""
        self._session.objects.reserve(int(edit.after.max()))
        here = plane or PlaneId()
        runs = tuple((a, b, c) for a, b, c in edit.runs(self._layers.results.shape))
        action = Action(ActionKind.PAINT, here, runs=runs)
        step = Step("stroke", here, (self._content,) * 2, edit, action=action)
        self._session.do(step)

    def accept(
        self,
        response: MaskResponse,
        drawing: Drawing,
        settings: AnswerSettings,
        *,
        may_overwrite: bool,
    ) -> list[int]:
        """Turn masks into objects; return their ids, none when all is covered.

        Parameters
        ----------
        response : MaskResponse
            The masks.
        drawing : Drawing
            What was drawn for them; it is removed, all else on the plane stays.
        settings : AnswerSettings
            What the answer was asked with.
        may_overwrite : bool
            Whether pixels of other objects may be taken.
        """
        plane, masks = response.request.plane, response.masks
        open_id = self._session.reopened_on(plane)
        if masks is None:
            return []
        commit = self._canvas(plane).accept(
            masks,
            drawing,
            settings,
            model_digest=response.model_digest,
            may_overwrite=may_overwrite,
            replaced=open_id,
        )
        if commit is None:
            return []
        self._layers.add(self._layers.results.layer)
        content = self._content_less(plane, drawing)
        reopened = {} if open_id is None else {plane: (open_id, None)}
        ids = list(commit.action.ids)
        self._do(commit.title, plane, content, commit, reopened)
        self._layers.prompts.polarity = Polarity.INSIDE
        return ids

    def add_found(self, found: PlaneObjects) -> list[int]:
        """Add what everything mode found where nothing is yet; return the ids."""
        height, width = found.masks.shape
        everywhere = slice(0, height), slice(0, width)
        present = self._layers.results.read(found.plane, everywhere)
        free = keep_free_objects(found.masks, present)
        canvas = self._canvas(found.plane)
        commit = canvas.add_found(free, model_digest=found.model_digest)
        if commit is None:
            return []
        self._layers.add(self._layers.results.layer)
        self._do("everything mode", found.plane, self._content, commit)
        return list(commit.action.ids)

    def delete(self, plane: PlaneId) -> int | None:
        """Delete the object that is open again; return its id, None when none is."""
        open_id = self._session.reopened_on(plane)
        if open_id is None:
            return None
        shape = self._session.source.plane_shape(plane)
        commit = self._canvas(plane).delete(open_id, shape)
        content = self._content.without(plane, self._layers.axes)
        reopened = {plane: (open_id, None)}
        self._do(f"deletion of object {open_id}", plane, content, commit, reopened)
        return open_id

    def discard(self, plane: PlaneId, drawing: Drawing) -> None:
        """Remove the first points and shapes of a plane, of which nothing came."""
        content = self._content_less(plane, drawing)
        self._do("click without an object", plane, content)

    def clear(self, plane: PlaneId) -> None:
        """Remove what is drawn on a plane; an object that was open again stays."""
        self._layers.prompts.clear(plane)

    def walk(self, plane: PlaneId | None, direction: int) -> AcceptedObject | None:
        """Open the next or the previous object again; None when there is none.

        The objects follow each other plane by plane, in the order of their ids.
        """
        objects = self._session.objects.in_order()
        if not objects:
            return None
        open_id = self._session.reopened_on(plane) if plane is not None else None
        numbers = [known.object_id for known in objects]
        if open_id in numbers:
            target = (numbers.index(open_id) + direction) % len(objects)
        else:
            target = 0 if direction > 0 else len(objects) - 1
        self._reopen(objects[target], leave=plane)
        return objects[target]

    def has_unsaved(self, plane: PlaneId) -> bool:
        """Whether something is drawn on a plane that no object has."""
        drawing = self._content.on(plane, self._layers.axes)
        open_id = self._session.reopened_on(plane)
        known = self._session.objects.get(open_id) if open_id is not None else None
        if known is None:
            return not drawing.is_empty
        return not (drawing.is_empty or drawing.equals(prompts_of(known)))

    def undo(self) -> Step | None:
        """Take the newest step back."""
        return self._apply(self._session.undo())

    def redo(self) -> Step | None:
        """Do the step again that was undone last."""
        return self._apply(self._session.redo())

    def _apply(self, step: Step | None) -> Step | None:
        if step is None:
            return None
        if step.pixels is not None:
            self._layers.add(self._layers.results.layer)
            self._layers.results.apply(step.pixels)
        self._layers.go_to(step.plane)
        self._show(step.drawn[1])
        return step

    def _clicked_object(
        self, plane: PlaneId, content: Drawing
    ) -> AcceptedObject | None:
        axes = self._layers.axes
        now = content.on(plane, axes)
        is_first_click = (
            self._content.on(plane, axes).is_empty
            and len(now.points) == 1
            and bool(now.is_inside[0])
            and not now.outlines
        )
        if not is_first_click:
            return None
        y, x = now.points[0]
        label = self._layers.results.label_at(plane, float(y), float(x))
        known = self._session.objects.get(label)
        return known if known is not None and known.plane == plane else None

    def _reopen(self, known: AcceptedObject, leave: PlaneId | None = None) -> None:
        axes = self._layers.axes
        content = self._content
        reopened: dict[PlaneId, tuple[int | None, int | None]] = {}
        for plane in {known.plane, leave} - {None}:
            if plane is not None:
                content = content.without(plane, axes)
                reopened[plane] = (self._session.reopened_on(plane), None)
        content = content.joined(prompts_of(known).lifted(known.plane, axes))
        before = self._session.reopened_on(known.plane)
        reopened[known.plane] = (before, known.object_id)
        self._layers.go_to(known.plane)
        title = f"opening of object {known.object_id}"
        self._do(title, known.plane, content, reopened=reopened)

    def _do(
        self,
        title: str,
        plane: PlaneId,
        content: Drawing,
        commit: Commit | None = None,
        reopened: Mapping[PlaneId, tuple[int | None, int | None]] | None = None,
    ) -> None:
        before = self._content
        if commit is not None:
            self._layers.results.apply(commit.pixels)
        self._session.do(
            Step(
                title,
                plane,
                (before, content),
                commit.pixels if commit is not None else None,
                commit.objects if commit is not None else {},
                reopened or {},
                commit.action if commit is not None else None,
            )
        )
        self._show(content)

    def _content_less(self, plane: PlaneId, drawing: Drawing) -> Drawing:
        axes = self._layers.axes
        rest = less(self._content.on(plane, axes), drawing)
        content = self._content.without(plane, axes)
        return content.joined(rest.lifted(plane, axes))

    def _show(self, content: Drawing) -> None:
        self._content = content
        if not self._layers.prompts.content.equals(content):
            with self._own_change():
                self._layers.prompts.restore(content)

    @contextmanager
    def _own_change(self) -> Iterator[None]:
        self._is_own_change = True
        try:
            yield
        finally:
            self._is_own_change = False

    def _canvas(self, plane: PlaneId) -> Canvas:
        results = self._layers.results
        return Canvas(
            plane,
            self._layers.axes,
            lambda slices: results.read(plane, slices),
            self._session.objects,
        )
