"""What all docks have in common: their viewer's workbench, and how they say errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_error
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QMainWindow, QVBoxLayout, QWidget

from napari_segment_anything.errors import InvalidPromptError
from napari_segment_anything.widgets.narrator import failure_message
from napari_segment_anything.widgets.tabs import join_tabs
from napari_segment_anything.widgets.workbench import acquire, release

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from qtpy.QtGui import QShowEvent

    from napari_segment_anything.widgets.image_form import ImageForm


class Dock(QWidget):
    """A form, and what the docks of a viewer share.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer that the dock belongs to; each viewer has its own state.
    form : ImageForm
        What it looks like.
    """

    form: ImageForm

    def __init__(self, viewer: ViewerModel, form: ImageForm) -> None:
        super().__init__()
        self.form = form
        self.workbench = acquire(viewer, form)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(form, 1)
        self.destroyed.connect(_Closing(self))
        # Once it is shown, napari has chosen a place for it.
        self._join = QTimer(self)
        self._join.setSingleShot(True)
        self._join.timeout.connect(self._join_tabs)
        self._has_window = False

    def say_failure(self, error: Exception) -> None:
        """Say what went wrong and what to do, in the dock and as a notification."""
        message = failure_message(error)
        self.form.job.say(message)
        # A misplaced prompt is seen and mended at once; no need to shout.
        if not isinstance(error, InvalidPromptError):
            show_error(message)

    def describe_model(self) -> str:
        """Return which model answers, or will."""
        model = self.workbench.model
        if model is None:
            return f"{self.workbench.wanted_model}, loaded when it is needed"
        return f"{model.name} on {model.device}"

    def leave(self) -> None:
        """Leave the work to another dock: somebody has closed this one."""

    def come_back(self) -> None:
        """Go on with what is there: the dock lies in a window, perhaps again."""

    def let_go(self) -> None:
        """Close what the dock has started; Qt has taken its widgets already."""

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Notice when the window gives this dock up: napari then opens another one."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange:
            if self.parent() is None:
                self.leave()
            else:
                self.come_back()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Join the tabs of other docks, and end with the window, also when closed."""
        super().showEvent(event)
        window = window_of(self)
        if window is not None and not self._has_window:
            self._has_window = True
            self._join.start()
            window.destroyed.connect(self.deleteLater)

    def _join_tabs(self) -> None:
        join_tabs(self, Dock)


def window_of(widget: QWidget) -> QMainWindow | None:
    """Return the window that a widget lies in, also where its dock floats."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent


class _Closing:
    """Lets go of the viewer when a dock is gone; the dock cannot do so itself."""

    def __init__(self, dock: Dock) -> None:
        self._dock = dock

    def __call__(self) -> None:
        self._dock.let_go()
        self._dock.form.close_connections()
        release(self._dock.form)
