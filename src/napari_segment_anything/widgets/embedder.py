"""Embeds planes of one image in the background, the most wanted first."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal  # type: ignore[attr-defined]

from napari_segment_anything.errors import SegmentAnythingError
from napari_segment_anything.session.embedding_jobs import (
    clear_store_job,
    embed_planes_job,
)
from napari_segment_anything.session.jobs import load_model_job
from napari_segment_anything.session.plane_queue import PlaneQueue
from napari_segment_anything.widgets.plane import displayed_plane, move_slider
from napari_segment_anything.widgets.workers import JobWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_segment_anything.session.jobs import LoadedModel
    from napari_segment_anything.session.planes import PlaneId, PlaneSource
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
        self._viewer = viewer
        self._bench = workbench
        self._image: Image | None = None
        self._plane: PlaneId | None = None
        self._source: PlaneSource | None = None
        self._queue = PlaneQueue(())
        self._n_ahead = N_AHEAD
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
        dims = viewer.dims.events
        for event in (dims.current_step, dims.order, dims.ndisplay):
            event.connect(self._follow)
        workbench.model_changed.connect(self._wake)
        workbench.store_changed.connect(self._restart)
        workbench.planes_changed.connect(self.changed)

    @property
    def index_axes(self) -> str:
        """Letters of the axes that number the planes."""
        if self._source is None or self._plane is None:
            return ""
        return str(self._source.stack(self._plane).index_axes)

    @property
    def n_planes(self) -> int:
        """Number of planes; 0 when none is shown."""
        if self._plane is None:
            return 0
        return int(np.prod(self._queue.shape, dtype=np.int64))

    @property
    def wants_all(self) -> bool:
        """Whether every plane was asked for and not all are ready yet."""
        return self._queue.wants_all

    def set_image(self, image: Image | None) -> None:
        """Work for another image, or for the same one after it was changed."""
        if self._image is not None:
            self._image.events.data.disconnect(self._on_data)
        self._image = image
        if image is not None:
            image.events.data.connect(self._on_data)
        self._follow()

    def set_ahead(self, is_wanted: bool) -> None:
        """Embed planes around the visible one, or only on request."""
        self._n_ahead = N_AHEAD if is_wanted else -1
        self._queue.n_ahead = self._n_ahead
        self._wake()

    def embed_all(self) -> None:
        """Embed every plane; the model is loaded first where that is needed."""
        self._queue.want_all()
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
        self._queue.want_near()
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

    def go_to(self, letter: str, position: int) -> None:
        """Move a slider of the viewer."""
        if self._image is not None:
            axes = self._bench.axes_of(self._image)
            move_slider(self._viewer, self._image, axes.index(letter), position)

    def along(self, letter: str) -> tuple[npt.NDArray[np.bool_], int | None, int]:
        """Return which planes along an axis are ready, which is encoded, which shown.

        The other axes stay where their sliders are.
        """
        is_ready, axis = self._ready(), self.index_axes.index(letter)
        focus = self._queue.focus
        line = tuple(slice(None) if n == axis else focus[n] for n in range(len(focus)))
        busy, encoded = None, self._encoded()
        if encoded is not None:
            is_on_line = all(
                a == b
                for n, (a, b) in enumerate(zip(encoded, focus, strict=True))
                if n != axis
            )
            busy = encoded[axis] if is_on_line else None
        return is_ready[line], busy, focus[axis]

    def describe(self) -> str:
        """Return how many planes are ready, in words."""
        if self._plane is None:
            return "Show one plane of the image in 2-D."
        n_ready = int(np.count_nonzero(self._ready()))
        text = f"{n_ready} of {self.n_planes} planes are ready"
        encoded = self._encoded()
        if encoded is not None:
            place = ", ".join(
                f"{letter} {number}"
                for letter, number in zip(self.index_axes, encoded, strict=True)
            )
            text += f"; encoding {place or 'the image'}"
        return f"{text}."

    def close(self) -> None:
        """Stop, and let go of the viewer."""
        # When the program ends, Qt may have taken the timer already.
        with suppress(RuntimeError):
            self._rest.stop()
        self.worker.close()
        dims = self._viewer.dims.events
        for event in (dims.current_step, dims.order, dims.ndisplay):
            event.disconnect(self._follow)
        if self._image is not None:
            self._image.events.data.disconnect(self._on_data)

    def _ready(self) -> npt.NDArray[np.bool_]:
        model = self._bench.model
        if self._source is None or self._plane is None or model is None:
            return np.zeros(self._queue.shape, dtype=bool)
        digest = model.predictor.model_digest
        return self._bench.index.ready(self._source, self._plane, digest)

    def _encoded(self) -> tuple[int, ...] | None:
        encoded = self._bench.gate.encoded
        if encoded is None or self._source is None or encoded[0] is not self._source:
            return None
        return self._source.stack_index(encoded[1])

    def _follow(self) -> None:
        plane, source = None, None
        if self._image is not None and self._image in self._viewer.layers:
            axes = self._bench.axes_of(self._image)
            try:
                source = self._bench.sources.of(self._image, axes)
                plane = displayed_plane(self._viewer, self._image, axes)
            except SegmentAnythingError as error:
                self.said.emit(str(error))
        has_moved = plane != self._plane
        if source is None or plane is None:
            self._plane = None
        else:
            self._look_at(source, plane)
        if has_moved:
            self._is_stopped = False
        self.changed.emit()
        self._has_news = True
        self._rest.start()

    def _look_at(self, source: PlaneSource, plane: PlaneId) -> None:
        is_same_stack = (
            source is self._source
            and self._plane is not None
            and plane.plane_axes == self._plane.plane_axes
            and plane.position("C") == self._plane.position("C")
        )
        self._source, self._plane = source, plane
        if not is_same_stack:
            shape = source.stack(plane).index_shape
            self._queue = PlaneQueue(shape, n_ahead=self._n_ahead)
            # What runs works for a stack that nobody looks at any more.
            self.worker.cancel()
        self._queue.look_at(source.stack_index(plane))

    def _on_data(self) -> None:
        if self._image is not None:
            self._bench.sources.renew(self._image)
        self._follow()

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
        model = self._bench.model
        is_idle = not (self.worker.is_busy or self.is_paused or self._is_stopped)
        if not is_idle or model is None or self._plane is None or self._source is None:
            return
        self._has_news = False
        job = embed_planes_job(
            self._source,
            self._plane,
            model.predictor,
            self._bench.places,
            self._queue,
        )
        self.worker.start(job, self._on_finished)

    def _on_model(self, model: LoadedModel) -> None:
        self._bench.model = model

    def _on_progress(self) -> None:
        self.changed.emit()

    def _on_finished(self, n_done: int) -> None:
        if self._queue.wants_all:
            self._queue.want_near()
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
