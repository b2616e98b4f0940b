"""Asks before a window is closed that holds what nobody has saved."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from qtpy.QtCore import QEvent, QObject, QThread
from qtpy.QtWidgets import QMainWindow, QMessageBox, QWidget

from napari_segment_anything.widgets.dock import window_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Unsaved = TypeVar("Unsaved")

_BUTTONS = QMessageBox.StandardButton


@dataclass(frozen=True)
class Question:
    """What is asked.

    Parameters
    ----------
    title : str
        In few words.
    text : str
        What was made since it was saved; ``{names}`` stands for where.
    """

    title: str
    text: str


SAVE_RECORD = Question(
    "Save the record first?",
    "Objects were made in {names} since a record was saved. From a record the same "
    "labels can be made again. Labels that you saved as a layer are safe in any case.",
)


class CloseGuard(QObject, Generic[Unsaved]):
    """Watches the window that docks lie in, also once they are closed.

    Parameters
    ----------
    unsaved : callable
        Returns what is not saved by the names of images.
    save : callable
        Saves one of them; takes the parent of its dialog, and what is to be done when
        that is finished.
    question : Question, optional
        What is asked.
    """

    def __init__(
        self,
        unsaved: Callable[[], Mapping[str, Unsaved]],
        save: Callable[[Unsaved, QWidget, Callable[[], object]], None],
        question: Question = SAVE_RECORD,
    ) -> None:
        super().__init__()
        self._unsaved = unsaved
        self._save = save
        self._question = question

    def watch(self, dock: QWidget) -> None:
        """Watch the window that a dock lies in, as soon as it is shown."""
        dock.installEventFilter(self)

    def eventFilter(  # noqa: N802
        self, watched: QObject | None, event: QEvent | None
    ) -> bool:
        """Hold a close event back where the user wants to save first."""
        if event is None or not isinstance(watched, QWidget):
            return False
        if not isinstance(watched, QMainWindow):
            window = window_of(watched)
            if event.type() == QEvent.Type.Show and window is not None:
                window.installEventFilter(self)
            return False
        if event.type() != QEvent.Type.Close:
            return False
        # A script that closes its viewer is not asked: there is nobody to answer.
        if not event.spontaneous() and QThread.currentThread().loopLevel() == 0:
            return False
        stays = self.must_stay(watched)
        if stays:
            event.ignore()
        return stays

    def must_stay(self, window: QWidget) -> bool:
        """Ask where something is not saved; return whether to stay open."""
        unsaved = self._unsaved()
        if not unsaved:
            return False
        chosen = self.ask(window, list(unsaved))
        if chosen == _BUTTONS.Save:
            # One file each: the window that closes then asks about the next one.
            self._save(next(iter(unsaved.values())), window, _closing(window))
        return chosen != _BUTTONS.Discard

    def ask(self, window: QWidget, names: list[str]) -> QMessageBox.StandardButton:
        """Show the question."""
        return QMessageBox.question(
            window,
            self._question.title,
            self._question.text.format(names=", ".join(names)),
            _BUTTONS.Save | _BUTTONS.Discard | _BUTTONS.Cancel,
            _BUTTONS.Save,
        )


def _closing(window: QWidget) -> Callable[[], None]:
    """Return what closes a window; who kept the window would keep it from ending."""
    known = weakref.ref(window)

    def close() -> None:
        if (window := known()) is not None:
            window.close()

    return close
