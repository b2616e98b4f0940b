"""Tells which objects a person has painted in which frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal  # type: ignore[attr-defined]

from napari_segment_anything.widgets.result_layers import edit_of_stroke

if TYPE_CHECKING:
    from napari_segment_anything.widgets.time_layers import TimeLayers


class StrokeWatch(QObject):
    """Watches the brush on the labels of tracks.

    Parameters
    ----------
    layers : TimeLayers
        The labels.
    along : str
        Axis that objects are followed along.
    """

    painted = Signal(object)
    """Pairs of frame and id, 0 for what was erased; sent when the pixels are there."""

    def __init__(self, layers: TimeLayers, along: str) -> None:
        super().__init__()
        self._labels = layers.labels
        self._axis = layers.axes.index(along)
        self._places: set[tuple[int, int]] = set()
        # napari tells of a stroke before the pixels have changed.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._tell)
        self._labels.events.paint.connect(self._on_paint)

    def close(self) -> None:
        """Let go of the layer."""
        self._later.stop()
        self._labels.events.paint.disconnect(self._on_paint)

    def _on_paint(self, event: Any) -> None:
        edit = edit_of_stroke(event.value, self._labels.data.shape)
        if edit is not None:
            frames = edit.index[self._axis].tolist()
            self._places |= set(zip(frames, edit.after.tolist(), strict=True))
            self._later.start()

    def _tell(self) -> None:
        places, self._places = frozenset(self._places), set()
        self.painted.emit(places)
