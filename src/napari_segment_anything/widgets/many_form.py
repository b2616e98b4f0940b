"""More than one object or plane at once: other layers as prompts, and carrying."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels, Points, Shapes
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_segment_anything.widgets.fold import Fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_segment_anything.widgets.annotator import Annotator

_MAX_PLANES = 999


class ManyForm(QWidget):
    """The part of the dock that is for many objects, or for many planes.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer whose layers are offered as prompts.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self.layer = QComboBox()
        _keep_narrow(self.layer)
        self.layer.setToolTip(
            "A Points layer: an object for each point. A Shapes layer: one for each "
            "box, ellipse, polygon or path. A Labels layer: each label of the plane "
            "that is shown is a rough mask."
        )
        self.use = QPushButton("Use as prompts")
        self.use.setToolTip("Makes an object of each, as one step that can be undone.")
        self.volume = QCheckBox("One object through planes")
        self.volume.setToolTip(
            "What you accept on another plane gets the number of the object before: a "
            "3-D object, or one through time."
        )
        self.axis = QComboBox()
        self.axis.setToolTip("The axis to go along.")
        _keep_narrow(self.axis)
        self.n_planes = QSpinBox()
        self.n_planes.setRange(0, _MAX_PLANES)
        self.n_planes.setValue(5)
        self.n_planes.setPrefix("± ")
        self.n_planes.setToolTip(
            "How many planes beyond those on which you have drawn the object; 0 fills "
            "only what lies between them."
        )
        self.carry = QPushButton("Carry")
        self.carry.setToolTip(
            "Finds the object that is open, or was accepted last, on the planes beside "
            "and between. It stops where the model is not sure."
        )
        self._lay_out()

    def refresh(
        self, annotator: Annotator | None, previews: Sequence[Layer], *, is_free: bool
    ) -> None:
        """Offer the layers and axes there are, while nothing else runs."""
        own = () if annotator is None else annotator.layers.all
        self._show_layers([*own, *previews])
        plane = None if annotator is None else annotator.layers.plane
        letters = [] if plane is None else [letter for letter, _ in plane.index]
        self._show_axes([letter for letter in letters if letter != "C"])
        self.use.setEnabled(is_free and self.layer.count() > 0)
        self.carry.setEnabled(is_free and self.axis.count() > 0)

    def _show_layers(self, not_offered: Sequence[Layer]) -> None:
        names = [
            layer.name
            for layer in self._viewer.layers
            if isinstance(layer, (Labels, Points, Shapes)) and layer not in not_offered
        ]
        if names != [self.layer.itemText(i) for i in range(self.layer.count())]:
            before = self.layer.currentText()
            self.layer.clear()
            self.layer.addItems(names)
            self.layer.setCurrentText(before)

    def _show_axes(self, letters: list[str]) -> None:
        # Depth first.
        wanted = sorted(letters, key=lambda letter: letter != "Z")
        if wanted != [self.axis.itemText(i) for i in range(self.axis.count())]:
            self.axis.clear()
            self.axis.addItems(wanted)

    def _lay_out(self) -> None:
        column = QVBoxLayout()
        column.setSpacing(6)
        layers = QHBoxLayout()
        layers.setSpacing(4)
        layers.addWidget(self.layer, 1)
        layers.addWidget(self.use)
        column.addLayout(layers)
        column.addWidget(self.volume)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.carry, 1)
        row.addWidget(self.n_planes, 1)
        row.addWidget(self.axis)
        column.addLayout(row)
        self.fold = Fold("Many objects, many planes", column)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.fold)


def _keep_narrow(combo: QComboBox) -> None:
    combo.setSizeAdjustPolicy(
        QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    )
    combo.setMinimumContentsLength(2)
