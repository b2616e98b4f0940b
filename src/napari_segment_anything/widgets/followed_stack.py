"""The planes of the image that is chosen, as far as they are ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.errors import SegmentAnythingError
from napari_segment_anything.session.plane_queue import PlaneQueue
from napari_segment_anything.widgets.plane import displayed_plane, move_slider

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_segment_anything.session.planes import PlaneId, PlaneSource
    from napari_segment_anything.widgets.workbench import Workbench


class FollowedStack(QObject):
    """Follows an image and the sliders, and keeps a queue of planes in their order.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer whose sliders are followed.
    workbench : Workbench
        Model, store and index.
    n_ahead : int
        Planes around the visible one that are wanted without being asked for.
    """

    moved = Signal(bool)
    """Something has changed; True when another plane is shown."""

    replaced = Signal()
    """The planes are those of another stack."""

    said = Signal(str)

    def __init__(self, viewer: ViewerModel, workbench: Workbench, n_ahead: int) -> None:
        super().__init__()
        self.plane: PlaneId | None = None
        self.source: PlaneSource | None = None
        self.queue = PlaneQueue((), n_ahead=n_ahead)
        self._viewer = viewer
        self._bench = workbench
        self._image: Image | None = None
        dims = viewer.dims.events
        for event in (dims.current_step, dims.order, dims.ndisplay):
            event.connect(self._follow)

    @property
    def index_axes(self) -> str:
        """Letters of the axes that number the planes."""
        if self.source is None or self.plane is None:
            return ""
        return str(self.source.stack(self.plane).index_axes)

    @property
    def n_planes(self) -> int:
        """Number of planes; 0 when none is shown."""
        if self.plane is None:
            return 0
        return int(np.prod(self.queue.shape, dtype=np.int64))

    @property
    def n_ready(self) -> int:
        """Number of planes that are ready."""
        return int(np.count_nonzero(self.ready()))

    def set_image(self, image: Image | None) -> None:
        """Follow another image, or the same one after its axes were named."""
        self._let_go()
        self._image = image
        if image is not None:
            image.events.data.connect(self._on_data)
        self._follow()

    def go_to(self, letter: str, position: int) -> None:
        """Move a slider of the viewer."""
        if self._image is not None:
            axes = self._bench.axes_of(self._image)
            move_slider(self._viewer, self._image, axes.index(letter), position)

    def ready(self) -> npt.NDArray[np.bool_]:
        """Tell which planes are ready, in the shape of the index axes."""
        model = self._bench.model
        if self.source is None or self.plane is None or model is None:
            return np.zeros(self.queue.shape, dtype=bool)
        digest = model.predictor.model_digest
        return self._bench.index.ready(self.source, self.plane, digest)

    def along(self, letter: str) -> tuple[npt.NDArray[np.bool_], int | None, int]:
        """Return which planes along an axis are ready, which is encoded, which shown.

        The other axes stay where their sliders are.
        """
        axis, focus, encoded = (
            self.index_axes.index(letter),
            self.queue.focus,
            self._encoded(),
        )
        line = tuple(slice(None) if n == axis else focus[n] for n in range(len(focus)))
        busy = None
        if encoded is not None:
            is_on_line = all(
                n == axis or encoded[n] == focus[n] for n in range(len(focus))
            )
            busy = encoded[axis] if is_on_line else None
        return self.ready()[line], busy, focus[axis]

    def describe(self) -> str:
        """Return how many planes are ready, in words."""
        if self.plane is None:
            return "Show one plane of the image in 2-D."
        text = f"{self.n_ready} of {self.n_planes} planes are ready"
        encoded = self._encoded()
        if encoded is not None:
            place = ", ".join(
                f"{letter} {number}"
                for letter, number in zip(self.index_axes, encoded, strict=True)
            )
            text += f"; encoding {place or 'the image'}"
        return f"{text}."

    def close(self) -> None:
        """Let go of the viewer."""
        dims = self._viewer.dims.events
        for event in (dims.current_step, dims.order, dims.ndisplay):
            event.disconnect(self._follow)
        self._let_go()

    def _let_go(self) -> None:
        if self._image is not None:
            self._image.events.data.disconnect(self._on_data)
            self._image = None

    def _encoded(self) -> tuple[int, ...] | None:
        encoded = self._bench.gate.encoded
        if encoded is None or self.source is None or encoded[0] is not self.source:
            return None
        return self.source.stack_index(encoded[1])

    def _follow(self) -> None:
        plane, source, before = None, None, self.plane
        if self._image is not None and self._image in self._viewer.layers:
            axes = self._bench.axes_of(self._image)
            try:
                source = self._bench.sources.of(self._image, axes)
                plane = displayed_plane(self._viewer, self._image, axes)
            except SegmentAnythingError as error:
                self.said.emit(str(error))
        if source is None or plane is None:
            self.plane = None
        else:
            self._look_at(source, plane)
        self.moved.emit(plane != before)

    def _look_at(self, source: PlaneSource, plane: PlaneId) -> None:
        is_same_stack = (
            source is self.source
            and self.plane is not None
            and plane.plane_axes == self.plane.plane_axes
            and plane.position("C") == self.plane.position("C")
        )
        self.source, self.plane = source, plane
        if not is_same_stack:
            shape = source.stack(plane).index_shape
            self.queue = PlaneQueue(shape, n_ahead=self.queue.n_ahead)
            self.replaced.emit()
        self.queue.look_at(source.stack_index(plane))

    def _on_data(self) -> None:
        if self._image is not None:
            self._bench.sources.renew(self._image)
        self._follow()
