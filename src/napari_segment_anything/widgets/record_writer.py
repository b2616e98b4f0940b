"""Saves records, whether a dock is open or not."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QFileDialog

from napari_segment_anything.widgets.workers import LatestWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from napari_segment_anything.session.record import Record
    from napari_segment_anything.widgets.annotator import Annotator


class RecordWriter(QObject):
    """Asks for files, and writes records of what was annotated."""

    said = Signal(str)
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._after: tuple[Callable[[], object], ...] = ()
        self._worker = LatestWorker(self)
        self._worker.finished.connect(self._on_written)
        self._worker.failed.connect(self.failed)

    @property
    def is_busy(self) -> bool:
        """Whether a file is being written."""
        return self._worker.is_busy

    def save(
        self, annotator: Annotator, parent: QWidget, *then: Callable[[], object]
    ) -> None:
        """Ask for a file and write a record.

        Parameters
        ----------
        annotator : Annotator
            What it is a record of.
        parent : QWidget
            Parent of the dialog.
        *then : callable
            Called once it is written.
        """
        record = annotator.session.record(annotator.layers.results.shape)
        path, _ = QFileDialog.getSaveFileName(
            parent,
            "Save record",
            f"{record.image or 'image'}.record.json",
            "Record (*.json)",
        )
        if path:
            self._after = partial(annotator.session.note_saved, record), *then
            self._worker.submit(partial(_write, record, Path(path)))

    def close(self) -> None:
        """Write nothing more."""
        self._worker.close()

    def _on_written(self, path: Path) -> None:
        self.said.emit(f"Wrote {path.name}.")
        after, self._after = self._after, ()
        for call in after:
            call()


def _write(record: Record, path: Path) -> Path:
    record.save(path)
    return path
