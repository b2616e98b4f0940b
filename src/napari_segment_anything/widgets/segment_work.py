"""What the main dock works on; it outlives the dock."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject

from napari_segment_anything.widgets import keys
from napari_segment_anything.widgets.annotators import Annotators
from napari_segment_anything.widgets.class_layers import ClassLayers
from napari_segment_anything.widgets.close_guard import CloseGuard
from napari_segment_anything.widgets.dock_jobs import DockJobs
from napari_segment_anything.widgets.narrator import failure_message
from napari_segment_anything.widgets.record_writer import RecordWriter
from napari_segment_anything.widgets.rest import Rest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_segment_anything.widgets.annotator import Annotator
    from napari_segment_anything.widgets.workbench import Workbench

    Actions = Mapping[str, Callable[[], None]]

_USUAL = {
    keys.USUAL_UNDO_KEY: keys.UNDO_KEY,
    keys.USUAL_REDO_KEY: keys.REDO_KEY,
}


class SegmentWork(QObject):
    """All that is annotated in a viewer: the main dock that is open goes on with it.

    While none is open, nothing answers clicks or keys. Strokes are noticed all the
    same, jobs are finished, and what was accepted before its mask was there becomes an
    object.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    workbench : Workbench
        What the docks of the viewer share.

    Attributes
    ----------
    annotators, jobs, classes, records : Annotators, DockJobs, ClassLayers, RecordWriter
        The parts.
    image_name : str
        Which image was chosen when a dock was closed.
    """

    def __init__(self, viewer: ViewerModel, workbench: Workbench) -> None:
        super().__init__()
        self.annotators = Annotators(viewer, workbench)
        self.jobs = DockJobs(viewer, workbench)
        self.classes = ClassLayers()
        self.records = RecordWriter()
        self.guard = CloseGuard(self.annotators.unsaved, self.records.save)
        self.image_name = ""
        self._viewer = viewer
        # Those of each dock that is open; the keys are those of the newest one.
        self._actions: list[Actions] = []
        self._rests: list[Rest] = []
        self.annotators.made.connect(self._bind_layers)
        for failing in (*self.parts, self.jobs.worker):
            failing.failed.connect(self._on_failure)

    @property
    def parts(self) -> tuple[Annotators, DockJobs, ClassLayers, RecordWriter]:
        """What says something, and may fail."""
        return self.annotators, self.jobs, self.classes, self.records

    @property
    def is_attended(self) -> bool:
        """Whether a dock is open."""
        return bool(self._actions)

    def attend(self, actions: Actions) -> None:
        """Answer clicks, and these keys: a dock is open.

        Parameters
        ----------
        actions : mapping of str to callable
            What each key does.
        """
        self._actions.append(actions)
        self._bind()
        rests, self._rests = self._rests, []
        for rest in rests:
            # Of an image that was removed meanwhile nothing is answered.
            if rest.annotator in self.annotators.every:
                rest.end()
        # A mask is shown under the mouse again where the user wants that.
        self.annotators.set_preferences(self.annotators.preferences)

    def forsake(self, actions: Actions) -> None:
        """Release keys: the dock that bound them is gone."""
        self._actions = [one for one in self._actions if one is not actions]
        for target in (self._viewer, *self._layers):
            keys.unbind_keys(target, actions)
        self._bind()

    def rest(self) -> None:
        """Answer nothing, where no dock is open, until one is."""
        if not self.is_attended:
            self._rests = [Rest(annotator) for annotator in self.annotators.every]

    def close(self) -> None:
        """Let go of the viewer; all layers stay."""
        for layer in self._layers:
            keys.unbind_keys(layer, _USUAL)
        self._rests = []
        for part in self.parts:
            # Where Python collects all together, Qt may have deleted parts before.
            with contextlib.suppress(RuntimeError):
                part.close()

    @property
    def _layers(self) -> list[Layer]:
        return [layer for one in self.annotators.every for layer in one.layers.all]

    def _bind(self) -> None:
        if self._actions:
            keys.bind_keys(self._viewer, self._actions[-1])
        for annotator in self.annotators.every:
            self._bind_layers(annotator)

    def _bind_layers(self, annotator: Annotator) -> None:
        # Not the layer's own undo: it would not tell what it takes back.
        actions = dict.fromkeys(_USUAL, _do_nothing)
        if self._actions:
            actions = {key: self._actions[-1][ours] for key, ours in _USUAL.items()}
            actions.update(self._actions[-1])
        for layer in annotator.layers.all:
            keys.bind_keys(layer, actions)

    def _on_failure(self, error: Exception) -> None:
        if not self.is_attended:
            show_error(failure_message(error))


def work_of(viewer: ViewerModel, workbench: Workbench) -> SegmentWork:
    """Return what is annotated in a viewer; the same for each main dock of it."""
    if workbench.segment_work is None:
        workbench.segment_work = SegmentWork(viewer, workbench)
    return workbench.segment_work


def _do_nothing() -> None:
    pass
