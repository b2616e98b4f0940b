"""Asks before a window is closed that holds objects of which nothing was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QThread
from qtpy.QtWidgets import QMainWindow, QMessageBox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qtpy.QtWidgets import QWidget

    from napari_segment_anything.widgets.annotator import Annotator

_BUTTONS = QMessageBox.StandardButton


class CloseGuard(QObject):
    """Watches the window that a dock lies in.

    Parameters
    ----------
    dock : QWidget
        The dock.
    unsaved : callable
        Returns the annotators with unsaved objects by the names of their images.
    save : callable
        Saves what one of them made; takes what is to be done when that is finished.
    """

    def __init__(
        self,
        dock: QWidget,
        unsaved: Callable[[], Mapping[str, Annotator]],
        save: Callable[[Annotator, Callable[[], object]], None],
    ) -> None:
        super().__init__(dock)
        dock.installEventFilter(self)
        self._dock = dock
        self._unsaved = unsaved
        self._save = save

    def watch(self) -> None:
        """Watch the window that the dock lies in; done whenever it is shown."""
        window = self._find_window()
        if window is not None:
            window.installEventFilter(self)

    def eventFilter(  # noqa: N802
        self, watched: QObject | None, event: QEvent | None
    ) -> bool:
        """Hold a close event back where the user wants to save first."""
        if event is not None and event.type() == QEvent.Type.Show:
            self.watch()
        is_close = event is not None and event.type() == QEvent.Type.Close
        if event is None or not is_close or watched is not self._find_window():
            return False
        # A script that closes its viewer is not asked: there is nobody to answer.
        if not event.spontaneous() and QThread.currentThread().loopLevel() == 0:
            return False
        stays = self.must_stay()
        if stays:
            event.ignore()
        return stays

    def must_stay(self) -> bool:
        """Ask where something is not saved; return whether to stay open."""
        unsaved = self._unsaved()
        if not unsaved:
            return False
        chosen = self.ask(list(unsaved))
        if chosen == _BUTTONS.Save:
            # One file each: the window that closes then asks about the next one.
            self._save(next(iter(unsaved.values())), self._close_window)
        return chosen != _BUTTONS.Discard

    def ask(self, names: list[str]) -> QMessageBox.StandardButton:
        """Show the question."""
        return QMessageBox.question(
            self._dock,
            "Save the record first?",
            f"Objects were made in {', '.join(names)} since a record was saved. From a "
            "record the same labels can be made again. Labels that you saved as a "
            "layer are safe in any case.",
            _BUTTONS.Save | _BUTTONS.Discard | _BUTTONS.Cancel,
            _BUTTONS.Save,
        )

    def _close_window(self) -> None:
        window = self._find_window()
        if window is not None:
            window.close()

    def _find_window(self) -> QMainWindow | None:
        """Look for the window each time: who kept it would keep it from ending."""
        parent = self._dock.parentWidget()
        while parent is not None and not isinstance(parent, QMainWindow):
            parent = parent.parentWidget()
        return parent
