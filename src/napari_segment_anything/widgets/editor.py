"""Everything that changes objects or prompts, as steps that can be undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_segment_anything.session.actions import Action, ActionKind
from napari_segment_anything.session.history import Step
from napari_segment_anything.session.objects import Polarity
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.session.reopening import prompts_of
from napari_segment_anything.widgets.object_editor import ObjectEditor
from napari_segment_anything.widgets.steps import Steps

if TYPE_CHECKING:
    from napari_segment_anything.session.answers import AnswerSettings
    from napari_segment_anything.session.drawing import Drawing
    from napari_segment_anything.session.objects import AcceptedObject
    from napari_segment_anything.session.pixel_edit import PixelEdit
    from napari_segment_anything.session.requests import MaskResponse
    from napari_segment_anything.session.session import Session
    from napari_segment_anything.widgets.annotation_layers import AnnotationLayers


@dataclass(frozen=True)
class Choices:
    """What becomes of masks that are accepted.

    Parameters
    ----------
    may_overwrite : bool
        Whether pixels of other objects may be taken.
    class_id : int
        Which kind of thing they are.
    continued : int or None
        An object of other planes that goes on here.
    opened : int or None
        The object that was open, which they replace if it still is.
    is_brief : bool
        Whether an undo leaves nothing of them, not even the click.
    """

    may_overwrite: bool = False
    class_id: int = 1
    continued: int | None = None
    opened: int | None = None
    is_brief: bool = False


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
        self._steps = Steps(layers, session)
        self.objects = ObjectEditor(layers, session, self._steps)

    def note_prompts(
        self,
        plane: PlaneId | None,
        *,
        may_reopen: bool = True,
        is_brief: bool = False,
    ) -> AcceptedObject | None:
        """Remember what the user has just drawn, moved or removed.

        Parameters
        ----------
        plane : PlaneId or None
            The plane that is shown.
        may_reopen : bool, optional
            Whether a first click on a finished object means that object.
        is_brief : bool, optional
            Whether it is no step by itself, but a click that becomes an object at once.

        Returns
        -------
        AcceptedObject or None
            The object that was opened again by the click.
        """
        content = self._layers.prompts.content
        if self._steps.is_own_change or content.equals(self._steps.content):
            return None
        if is_brief:
            self._steps.pass_over(content)
            return None
        here = plane or PlaneId()
        clicked = None
        if may_reopen and plane is not None:
            axes = self._layers.axes
            before, now = (
                each.on(plane, axes) for each in (self._steps.content, content)
            )
            if is_first_click(before, now):
                clicked = self._object_at(plane, now)
        if clicked is not None:
            self.reopen(clicked)
            return clicked
        reopened = {}
        open_id = self._session.reopened_on(here)
        if open_id is not None and content.on(here, self._layers.axes).is_empty:
            reopened[here] = (open_id, None)
        title = "prompt" if len(content.points) + len(content.outlines) else "clearing"
        self._steps.do(title, here, content, reopened=reopened)
        return None

    def note_stroke(self, edit: PixelEdit, plane: PlaneId | None) -> None:
        """Remember what the user has just painted or erased by hand."""
        here = plane or PlaneId()
        self._session.objects.note_painted(edit, self._layers.axes, here)
        runs = tuple((a, b, c) for a, b, c in edit.runs(self._layers.results.shape))
        action = Action(ActionKind.PAINT, here, runs=runs)
        step = Step("stroke", here, (self._steps.content,) * 2, edit, action=action)
        self._session.do(step)

    def accept(
        self,
        response: MaskResponse,
        drawing: Drawing,
        settings: AnswerSettings,
        choices: Choices,
    ) -> list[int]:
        """Turn masks into objects; return their ids, none when all is covered.

        Parameters
        ----------
        response : MaskResponse
            The masks.
        drawing : Drawing
            What was drawn for them; it is removed, all else stays.
        settings : AnswerSettings
            What the answer was asked with.
        choices : Choices
            What becomes of the masks.
        """
        plane, masks = response.request.plane, response.masks
        open_id = self._session.reopened_on(plane)
        if open_id != choices.opened:
            open_id = None
        if masks is None:
            return []
        replaced = open_id if open_id is not None else choices.continued
        commit = self._steps.canvas(plane).accept(
            masks,
            drawing,
            settings,
            model_digest=response.model_digest,
            may_overwrite=choices.may_overwrite,
            replaced=replaced,
            class_id=choices.class_id,
            others=response.request.prompts.others,
        )
        if commit is None:
            return []
        content = self._steps.content_less(plane, drawing)
        reopened = {} if open_id is None else {plane: (open_id, None)}
        ids = list(commit.action.ids)
        self._steps.do(
            commit.title, plane, content, commit, reopened, is_brief=choices.is_brief
        )
        if plane == self._layers.plane:
            self._layers.prompts.polarity = Polarity.INSIDE
        return ids

    def discard(self, plane: PlaneId, drawing: Drawing) -> None:
        """Remove points and shapes of a plane of which nothing came."""
        self._steps.pass_over(self._steps.content_less(plane, drawing))

    def open_on(self, plane: PlaneId) -> AcceptedObject | None:
        """Return the object that is open again on a plane."""
        return self._session.objects.get(self._session.reopened_on(plane), plane)

    def others_on(self, plane: PlaneId) -> list[AcceptedObject]:
        """Return the objects of a plane less the one that is open again."""
        open_id = self._session.reopened_on(plane)
        known = self._session.objects.on(plane)
        return [one for one in known if one.object_id != open_id]

    def is_as_opened(self, plane: PlaneId) -> bool:
        """Whether an object is open whose prompts are made up from it, unchanged.

        There is nothing to ask then: it is the object itself that is shown.
        """
        known = self.open_on(plane)
        if known is None or known.is_drawn:
            return False
        drawing = self._steps.content.on(plane, self._layers.axes)
        return drawing.equals(prompts_of(known))

    def has_unsaved(self, plane: PlaneId) -> bool:
        """Whether something is drawn on a plane that no object has."""
        drawing = self._steps.content.on(plane, self._layers.axes)
        known = self.open_on(plane)
        if known is None:
            return not drawing.is_empty
        return not (drawing.is_empty or drawing.equals(prompts_of(known)))

    def undo(self) -> Step | None:
        """Take the newest step back."""
        return self._steps.undo()

    def redo(self) -> Step | None:
        """Do the step again that was undone last."""
        return self._steps.redo()

    def _object_at(self, plane: PlaneId, click: Drawing) -> AcceptedObject | None:
        y, x = click.points[0]
        label = self._layers.results.label_at(plane, float(y), float(x))
        return self._session.objects.get(label, plane)

    def reopen(self, known: AcceptedObject, leave: PlaneId | None = None) -> None:
        """Open a finished object again, and close what is open on a plane left."""
        axes = self._layers.axes
        content = self._steps.content
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
        self._steps.do(title, known.plane, content, reopened=reopened)


def is_first_click(before: Drawing, now: Drawing) -> bool:
    """Whether a plane without prompts has got one click inside of an object."""
    return (
        before.is_empty
        and len(now.points) == 1
        and bool(now.is_inside[0])
        and not now.outlines
    )
