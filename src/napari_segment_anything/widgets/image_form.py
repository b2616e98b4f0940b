"""What the forms of all docks have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_segment_anything.widgets.axes_question import AxesQuestion
from napari_segment_anything.widgets.image_combo import ImageCombo
from napari_segment_anything.widgets.job_row import JobRow
from napari_segment_anything.widgets.layout import below, scrolled_column, wide_form

if TYPE_CHECKING:
    from napari.components import ViewerModel


class ImageForm(QWidget):
    """An image, the question what its axes mean, and a job; it does nothing by itself.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer whose images are offered.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.image = ImageCombo(viewer)
        self.question = AxesQuestion()
        self.job = JobRow()
        # napari would otherwise fill half of the dock with empty space.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.image.currentIndexChanged.connect(self._on_other_image)
        self._on_other_image()

    def begin(self, *rows: tuple[str, QWidget] | QWidget) -> QVBoxLayout:
        """Lay out the image, more rows, and below all the job.

        Parameters
        ----------
        *rows : tuple of (str, QWidget) or QWidget
            Each with its label, or as wide as the form.

        Returns
        -------
        QVBoxLayout
            For the rest of the form.
        """
        column = scrolled_column(self)
        form = wide_form()
        form.addRow("Image", self.image)
        for row in rows:
            if isinstance(row, tuple):
                form.addRow(*row)
            else:
                form.addRow(row)
        column.addLayout(form)
        column.addWidget(self.question)
        below(self, self.job)
        return column

    def _on_other_image(self) -> None:
        # What was said of the image before does not hold for this one.
        if not self.job.is_running:
            is_there = self.image.layer is not None
            self.job.say("" if is_there else "Open an image first.")

    def close_connections(self) -> None:
        """Stop following the viewer."""
        self.image.close_connections()


def button(text: str, tooltip: str) -> QPushButton:
    """Return a button that says what it does."""
    made = QPushButton(text)
    made.setToolTip(tooltip)
    return made


def side_by_side(*buttons: QPushButton, stretch: tuple[int, ...] = ()) -> QHBoxLayout:
    """Return a row of buttons that are as wide as their share, whatever their text."""
    row = QHBoxLayout()
    row.setSpacing(4)
    for number, one in enumerate(buttons):
        one.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        row.addWidget(one, stretch[number] if stretch else 1)
    return row
