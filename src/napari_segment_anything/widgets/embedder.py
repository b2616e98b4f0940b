"""Embeds planes of one image in the background, the most wanted first."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal  # type: ignore[attr-defined]

from napari_segment_anything.session.embedding_jobs import (
    clear_store_job,
    embed_planes_job,
)
from napari_segment_anything.session.jobs import load_model_job
from napari_segment_anything.widgets.followed_stack import FollowedStack
from napari_segment_anything.widgets.workers import JobWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from napari_segment_anything.session.jobs import LoadedModel
    from napari_segment_anything.widgets.workbench import Workbench

# Planes around the visible one that are embedded without being asked for.
N_AHEAD = 16
# A slider that is being dragged should not start work at each of its steps.
_REST_MS = 80


class Embedder(QObject):
    """Follows the sliders and keeps the planes around them ready.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer whose sliders are followed.
    workbench : Workbench
        Model, store and index.
    """

    changed = Signal()
    said = Signal(str)

    def __init__(self, viewer: ViewerModel, workbench: Workbench) -> None:
        super().__init__()
        self.worker = JobWorker(self)
        self.is_paused = False
        self.stack = FollowedStack(viewer, workbench, N_AHEAD)
        self._bench = workbench
        self._is_stopped = False
        self._has_news = False
        self._last_words = ""
        self._then: Callable[[], None] | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._work)
        self.worker.progressed.connect(self._on_progress)
        self.worker.is_busy_changed.connect(self._on_busy)
        self.worker.cancelled.connect(self._on_cancelled)
        self.stack.moved.connect(self._on_moved)
        # What runs works for a stack that nobody looks at any more.
        self.stack.replaced.connect(self.worker.cancel)
        self.stack.said.connect(self.said)
        workbench.model_changed.connect(self._wake)
        workbench.store_changed.connect(self._restart)
        workbench.planes_changed.connect(self.changed)

    @property
    def wants_all(self) -> bool:
        """Whether every plane was asked for and not all are ready yet."""
        return self.stack.queue.wants_all

    def set_ahead(self, is_wanted: bool) -> None:
        """Embed planes around the visible one, or only on request."""
        self.stack.queue.n_ahead = N_AHEAD if is_wanted else -1
        self._wake()

    def embed_all(self) -> None:
        """Embed every plane; the model is loaded first where that is needed."""
        self.stack.queue.want_all()
        self.is_paused = False
        if self._bench.model is None:
            self.worker.start(load_model_job(self._bench.wanted_model), self._on_model)
        self._wake()

    def pause(self) -> None:
        """Stop after the plane that is being encoded, and keep in mind what is left."""
        self.is_paused = True
        self._stop("Paused.")
        self.changed.emit()

    def go_on(self) -> None:
        """Work on after a pause."""
        self.is_paused = False
        self._wake()

    def cancel(self) -> None:
        """Stop, and forget what was asked for."""
        self.stack.queue.want_near()
        self.is_paused = False
        # Until the user scrolls: what was cancelled should not begin at once again.
        self._is_stopped = True
        self._stop("Cancelled; planes that are ready stay so.")

    def clear(self, then: Callable[[int], None]) -> None:
        """Delete all embeddings, after stopping what makes more."""
        self.cancel()

        def start() -> None:
            store = self._bench.store
            self._bench.index.clear()
            self.worker.start(clear_store_job(store), then)

        if self.worker.is_busy:
            self._then = start
        else:
            start()
        self.changed.emit()

    def close(self) -> None:
        """Stop, and let go of the viewer."""
        # When the program ends, Qt may have taken the timer already.
        with suppress(RuntimeError):
            self._rest.stop()
        self.worker.close()
        self.stack.close()

    def _on_moved(self, is_other_plane: bool) -> None:
        if is_other_plane:
            self._is_stopped = False
        self._has_news = True
        self.changed.emit()
        self._rest.start()

    def _stop(self, last_words: str) -> None:
        # Said when it is true; until then progress would be written over it.
        self._last_words = last_words if self.worker.is_busy else ""
        self.worker.cancel()

    def _on_cancelled(self) -> None:
        said, self._last_words = self._last_words, ""
        self.said.emit(said)

    def _wake(self) -> None:
        self._is_stopped = False
        self._has_news = True
        self.changed.emit()
        self._work()

    def _restart(self) -> None:
        self.worker.cancel()
        self._wake()

    def _work(self) -> None:
        model, source = self._bench.model, self.stack.source
        plane = self.stack.plane
        is_idle = not (self.worker.is_busy or self.is_paused or self._is_stopped)
        if not is_idle or model is None or plane is None or source is None:
            return
        self._has_news = False
        job = embed_planes_job(
            source,
            plane,
            model.predictor,
            self._bench.places,
            self.stack.queue,
        )
        self.worker.start(job, self._on_finished)

    def _on_model(self, model: LoadedModel) -> None:
        self._bench.model = model

    def _on_progress(self) -> None:
        self.changed.emit()

    def _on_finished(self, n_done: int) -> None:
        if self.stack.queue.wants_all:
            self.stack.queue.want_near()
            self.said.emit("All planes are ready.")
        elif n_done:
            self.said.emit("")

    def _on_busy(self, is_busy: bool) -> None:
        self.changed.emit()
        if is_busy:
            return
        if self._then is not None:
            then, self._then = self._then, None
            then()
        elif self._has_news:
            # The slider has moved since, or the work was for another stack.
            self._rest.start()
