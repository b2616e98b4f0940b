"""Points and boxes that correct a tracked object, outlined as in annotating."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.objects import PlanePrompts, Polarity
from napari_segment_anything.session.session import Session
from napari_segment_anything.widgets import keys
from napari_segment_anything.widgets.annotation_layers import AnnotationLayers
from napari_segment_anything.widgets.mask_asker import MaskAsker
from napari_segment_anything.widgets.plane_watch import PlaneWatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.requests import MaskResponse
    from napari_segment_anything.widgets.workbench import Workbench

HOW = (
    f"Click inside of the object, right-click outside; {keys.BOX_KEY}: drag boxes "
    f"instead; {keys.SIZE_KEY}: another size. "
    f"{keys.ACCEPT_KEY} accepts the outline, {keys.CLEAR_KEY} gives it up."
)
NO_OBJECT = "No object is found there; add a point, or draw a box."


@dataclass(frozen=True, eq=False)
class _Due:
    """What was accepted before its mask was there, and for which track."""

    plane: PlaneId
    drawing: Drawing
    track: int


class TimePrompts(QObject):
    """Prompts on the frame that is shown, until their mask is accepted or given up.

    Parameters
    ----------
    viewer : ViewerModel
        Where prompts are drawn.
    workbench : Workbench
        Model and embeddings.
    image : Image
        The movie.
    axes : str
        Its axes.
    chosen : callable
        Returns the track that is chosen, 0 for none.
    """

    accepted = Signal(object, object, int)
    """The plane, the mask of all that was outlined, (H, W), and the chosen track."""

    changed = Signal()
    said = Signal(str)
    failed = Signal(object)

    def __init__(
        self,
        viewer: ViewerModel,
        workbench: Workbench,
        image: Image,
        axes: str,
        chosen: Callable[[], int],
    ) -> None:
        super().__init__()
        self._viewer, self._bench, self._chosen = viewer, workbench, chosen
        self.layers = AnnotationLayers(viewer, image, axes, workbench.sources)
        self.session = Session(self.layers.source())
        self._asker = MaskAsker(self.session, workbench)
        self._watch = PlaneWatch(viewer, self.layers)
        self._due: list[_Due] = []
        self._watch.changed.connect(self.session.drop)
        self._watch.rested.connect(self._ask)
        self._asker.said.connect(self.said)
        self._asker.failed.connect(self.failed)
        self.layers.prompts.changed.connect(self._ask)
        self.session.response_changed.connect(self._show)
        for layer in self.layers.prompts.layers:
            keys.bind_keys(layer, self._keys())

    @property
    def is_open(self) -> bool:
        """Whether prompts are being drawn."""
        return self.layers.are_shown

    @property
    def is_due(self) -> bool:
        """Whether what was outlined was accepted before its mask was there."""
        return bool(self._due)

    @property
    def is_busy(self) -> bool:
        """Whether an answer is on its way."""
        return self._asker.is_busy

    def begin(self) -> None:
        """Let clicks on the frame that is shown be prompts."""
        if (model := self._bench.model) is None:
            return
        self._asker.set_model(model.predictor, self._bench.store)
        # The results of annotating have no place here.
        for layer in (self.layers.preview.layer, *reversed(self.layers.prompts.layers)):
            self.layers.add(layer)
        self.layers.draw_points()
        self._watch.start()
        self._ask()
        self.said.emit(HOW)
        self.changed.emit()

    def accept(self) -> None:
        """Hand over the mask; one that is still being computed when it arrives.

        Whatever is drawn or shown by then.
        """
        plane = self.layers.plane
        if plane is None or not self.is_open:
            return
        drawing = self.layers.prompts.drawing_on(plane)
        if not drawing.prompts.has_object:
            self.said.emit(HOW)
            return
        due, response = _Due(plane, drawing, self._chosen()), self.session.response
        if response is None or not self.session.is_current(plane, drawing.prompts):
            if self._asker.owe(plane, drawing.prompts, partial(self._arrive, due)):
                self._due.append(due)
                self.end()
        elif response.masks is None or not self.session.can_accept:
            self.said.emit(NO_OBJECT)
        else:
            self.end()
            self._hand_over(due, response.masks)

    def end(self) -> None:
        """Remove what is drawn, and its layers."""
        self._watch.stop()
        prompts = self.layers.prompts
        for layer in (*prompts.layers, self.layers.preview.layer):
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        if not prompts.are_empty:
            content = prompts.content
            prompts.restore(Drawing(content.points[:0], content.is_inside[:0]))
        prompts.polarity = Polarity.INSIDE
        self._asker.forget()
        self.changed.emit()

    def close(self) -> None:
        """Let go of the viewer."""
        if self.is_open:
            self.end()
        self._watch.close()
        self._asker.close()
        self.layers.close()

    def _keys(self) -> dict[str, Callable[[], None]]:
        return {
            keys.ACCEPT_KEY: self.accept,
            keys.CLEAR_KEY: self.end,
            keys.BOX_KEY: self._toggle_boxes,
            keys.TURN_KEY: self._turn,
            keys.SIZE_KEY: self._choose_next_size,
        }

    def _toggle_boxes(self) -> None:
        active = self._viewer.layers.selection.active
        # Not `is`: napari hands a dock proxies of layers, which are equal to them.
        if active == self.layers.prompts.boxes:
            self.layers.draw_points()
        else:
            self.layers.draw_boxes()

    def _choose_next_size(self) -> None:
        settings = self._asker.settings
        self._asker.settings = replace(settings, size=settings.size.next)
        self._ask()

    def _turn(self) -> None:
        prompts = self.layers.prompts
        prompts.polarity = prompts.polarity.other

    def _ask(self) -> None:
        if not self.is_open:
            return
        plane = self.layers.plane
        drawn = PlanePrompts()
        if plane is not None:
            drawn = self.layers.prompts.prompts_on(plane)
        self._asker.ask(plane, drawn)
        self._show()

    def _arrive(self, due: _Due, response: MaskResponse | None) -> None:
        self.layers.prompts.when_finished(partial(self._settle, due, response))

    def _settle(self, due: _Due, response: MaskResponse | None) -> None:
        if due not in self._due:
            return
        self._due.remove(due)
        if response is None or response.masks is None:
            self._give_back(due)
        elif response.masks.areas.any():
            self._hand_over(due, response.masks)
        else:
            self._give_back(due)
            self.said.emit(NO_OBJECT)
        self.changed.emit()

    def _hand_over(self, due: _Due, masks: MaskSet) -> None:
        mask = np.zeros(masks.shape, bool)
        for number in range(len(masks)):
            mask |= masks.full_mask(number)
        self.accepted.emit(due.plane, mask, due.track)

    def _give_back(self, due: _Due) -> None:
        """Draw again what was accepted, and came to nothing."""
        if not self.is_open:
            self.begin()
        self.layers.prompts.draw(due.plane, due.drawing)

    def _show(self) -> None:
        response = self.session.response
        if response is None or response.masks is None:
            self.layers.preview.hide()
        else:
            self.layers.preview.show(response.masks, response.request.plane)
        self.changed.emit()
