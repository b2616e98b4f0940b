"""The dock *Embeddings*: which planes are ready, and making more of them so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_segment_anything.session.pace import Pace
from napari_segment_anything.widgets.dock import Dock
from napari_segment_anything.widgets.embedder import Embedder
from napari_segment_anything.widgets.embeddings_form import EmbeddingsForm, in_bytes
from napari_segment_anything.widgets.plane_strip import PlaneStrip
from napari_segment_anything.widgets.workers import LatestWorker

if TYPE_CHECKING:
    import napari

    from napari_segment_anything.batch.progress import Progress

_SECONDS_BETWEEN_SIZES = 5.0


class EmbeddingsDock(Dock):
    """Shows which planes are ready, and embeds more of them in the background.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        The viewer that the dock belongs to.
    """

    form: EmbeddingsForm

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer, EmbeddingsForm(viewer))
        self.embedder = Embedder(viewer, self.workbench)
        self._sizes = LatestWorker()
        self._pace = Pace()
        self._size_timer = QTimer(self)
        self._size_timer.setInterval(int(_SECONDS_BETWEEN_SIZES * 1000))
        self._size_timer.timeout.connect(self._weigh)
        self._connect()
        self._on_model()
        self._on_store()
        self._on_image()

    def let_go(self) -> None:
        """Embed nothing more."""
        self.embedder.close()
        self._sizes.close()

    def _connect(self) -> None:
        form, embedder, worker = self.form, self.embedder, self.embedder.worker
        form.image.currentIndexChanged.connect(self._on_image)
        form.question.answered.connect(self._on_answer)
        form.ahead.toggled.connect(embedder.set_ahead)
        form.embed_all.clicked.connect(self._embed_all)
        form.pause.clicked.connect(self._pause_or_go_on)
        form.job.cancel_button.clicked.connect(embedder.cancel)
        form.change_folder.clicked.connect(self._choose_folder)
        form.clear.clicked.connect(self._clear)
        worker.is_busy_changed.connect(self._on_busy)
        worker.progressed.connect(self._on_progress)
        worker.failed.connect(self.say_failure)
        embedder.changed.connect(self._refresh)
        embedder.said.connect(form.job.say)
        self._sizes.finished.connect(self._on_size)
        self._sizes.failed.connect(self.say_failure)
        self.workbench.model_changed.connect(self._on_model)
        self.workbench.store_changed.connect(self._on_store)
        self.workbench.axes_changed.connect(self._on_image)

    def _on_image(self) -> None:
        image = self.form.image.layer
        self.form.question.dismiss()
        self.embedder.stack.set_image(image)
        for strip in self._strips_for_image():
            strip.picked.connect(self._on_picked)
        self._refresh()

    def _strips_for_image(self) -> list[PlaneStrip]:
        form = self.form
        is_new = form.set_axes(self.embedder.stack.index_axes)
        return list(form.strips.values()) if is_new else []

    def _on_picked(self, position: int) -> None:
        for letter, strip in self.form.strips.items():
            if strip is self.sender():
                self.embedder.stack.go_to(letter, position)

    def _embed_all(self) -> None:
        image = self.form.image.layer
        if image is not None and self.workbench.must_ask_axes(image):
            self.form.question.ask(image.name, image.ndim)
            return
        self.embedder.embed_all()

    def _on_answer(self, axes: str) -> None:
        image = self.form.image.layer
        if image is not None:
            self.workbench.name_axes(image, axes)
            self._embed_all()

    def _pause_or_go_on(self) -> None:
        if self.embedder.is_paused:
            self.embedder.go_on()
        else:
            self.embedder.pause()

    def _clear(self) -> None:
        answer = QMessageBox.question(
            self,
            "Clear embeddings",
            f"Delete all embeddings in {self.workbench.folder}? They can be computed "
            "again; objects and labels are not touched.",
        )
        if answer == QMessageBox.StandardButton.Yes:
            self.embedder.clear(self._on_cleared)

    def _on_cleared(self, n_bytes: int) -> None:
        self.form.job.say(f"Deleted {in_bytes(n_bytes)} of embeddings.")
        self._weigh()

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, "Folder of embeddings", str(self.workbench.folder)
        )
        if folder:
            self.workbench.change_folder(Path(folder))

    def _on_model(self) -> None:
        self.form.model.setText(self.describe_model())
        self._refresh()

    def _on_store(self) -> None:
        self.form.show_folder(str(self.workbench.folder))
        self._weigh()

    def _on_busy(self, is_busy: bool) -> None:
        self.form.job.set_running(is_busy)
        if is_busy:
            self._pace.restart()
            self._size_timer.start()
        else:
            self._size_timer.stop()
            self._weigh()
        self._refresh()

    def _on_progress(self, progress: Progress) -> None:
        self.form.job.show_progress(progress)
        if progress.stage == "embed":
            # How many are ready stands above.
            left = self._pace.describe_left(progress.done, progress.total)
            self.form.job.say(left.capitalize() if self.embedder.wants_all else "")

    def _weigh(self) -> None:
        workbench = self.workbench
        self._sizes.submit(lambda: (workbench.store.nbytes(), workbench.store_problem))

    def _on_size(self, size: tuple[int, str]) -> None:
        n_bytes, problem = size
        self.form.show_size(n_bytes, self.workbench.quota_bytes, problem)

    def _refresh(self) -> None:
        form, embedder = self.form, self.embedder
        for strip in self._strips_for_image():
            strip.picked.connect(self._on_picked)
        for letter, strip in form.strips.items():
            is_ready, busy, position = embedder.stack.along(letter)
            strip.show_planes(is_ready, busy=busy, position=position)
        form.summary.setText(embedder.stack.describe())
        has_planes = embedder.stack.n_planes > 0
        form.embed_all.setEnabled(
            form.image.layer is not None and not embedder.wants_all
        )
        form.pause.setEnabled(embedder.is_paused or embedder.worker.is_busy)
        form.pause.setText("Go on" if embedder.is_paused else "Pause")
        form.summary.setVisible(has_planes)
