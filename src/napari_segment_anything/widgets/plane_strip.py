"""A strip along a slider: one cell for each plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QRectF, QSize, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    import numpy.typing as npt
    from qtpy.QtGui import QMouseEvent, QPaintEvent

_HEIGHT = 22
_CELLS_TOP, _CELLS_HEIGHT = 3, 12
_MIN_CELL = 4.0
# Of the Okabe-Ito palette, told apart by colour-blind people; the grey is seen on a
# dark and on a light ground.
READY = QColor("#009E73")
BUSY = QColor("#E69F00")
MISSING = QColor(128, 128, 128, 90)


class PlaneStrip(QWidget):
    """Shows which planes along one axis are ready, and where the slider is.

    A click picks a plane. Where planes are narrower than a few pixels a cell stands
    for several, and is as strong in colour as many of them are ready.
    """

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_ready = np.zeros(1, dtype=bool)
        self._busy: int | None = None
        self._position = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(60)

    @property
    def n_planes(self) -> int:
        """Number of planes."""
        return len(self._is_ready)

    @property
    def is_ready(self) -> npt.NDArray[np.bool_]:
        """Which planes are shown as ready."""
        return self._is_ready

    @property
    def busy(self) -> int | None:
        """The plane that is shown as being encoded."""
        return self._busy

    def show_planes(
        self, is_ready: npt.NDArray[np.bool_], *, busy: int | None, position: int
    ) -> None:
        """Show this state.

        Parameters
        ----------
        is_ready : ndarray
            (n,) boolean.
        busy : int or None
            Plane that is being encoded.
        position : int
            Plane that is shown.
        """
        self._is_ready, self._busy, self._position = is_ready, busy, position
        self.setToolTip(
            f"{int(is_ready.sum())} of {len(is_ready)} are ready. Green: ready, "
            "orange: being encoded, grey: not yet. Click to go there."
        )
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size it would like to have."""
        return QSize(200, _HEIGHT)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw cells and the mark of the slider."""
        painter = QPainter(self)
        n_cells = self._n_cells()
        edges = np.linspace(0, self.n_planes, n_cells + 1).round().astype(int)
        width = self.width() / n_cells
        gap = 1.0 if width >= _MIN_CELL else 0.0
        for cell in range(n_cells):
            start, stop = int(edges[cell]), int(edges[cell + 1])
            place = QRectF(cell * width, _CELLS_TOP, width - gap, _CELLS_HEIGHT)
            painter.fillRect(place, MISSING)
            if self._busy is not None and start <= self._busy < stop:
                painter.fillRect(place, BUSY)
            elif (part := float(self._is_ready[start:stop].mean())) > 0:
                colour = QColor(READY)
                colour.setAlphaF(0.3 + 0.7 * part)
                painter.fillRect(place, colour)
        self._mark_position(painter)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Pick the plane under the mouse."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            part = event.position().x() / max(1, self.width())
            picked = int(np.clip(part * self.n_planes, 0, self.n_planes - 1))
            self.picked.emit(picked)

    def _n_cells(self) -> int:
        return max(1, min(self.n_planes, int(self.width() / _MIN_CELL)))

    def _mark_position(self, painter: QPainter) -> None:
        centre = (self._position + 0.5) / self.n_planes * self.width()
        top = _CELLS_TOP + _CELLS_HEIGHT + 2
        colour = self.palette().windowText().color()
        for row in range(4):
            painter.fillRect(
                QRectF(centre - row - 0.5, top + row, 2 * row + 1, 1), colour
            )
