"""A list of the image layers of a viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtWidgets import QComboBox

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from qtpy.QtWidgets import QWidget


class ImageCombo(QComboBox):
    """Lists the image layers of a viewer and follows when they come and go.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    parent : QWidget, optional
        Qt parent.
    """

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.setMinimumContentsLength(8)
        self._watched: list[Any] = []
        layers = viewer.layers.events
        for event in (layers.inserted, layers.removed, layers.reordered):
            event.connect(self._fill)
        self._fill()

    @property
    def layer(self) -> Image | None:
        """The chosen layer."""
        layer: Image | None = self.currentData()
        return layer

    def choose(self, layer: Image) -> None:
        """Choose a layer of the viewer."""
        for row in range(self.count()):
            if self.itemData(row) == layer:
                self.setCurrentIndex(row)

    def choose_named(self, name: str) -> None:
        """Choose the layer of this name, if there is one."""
        row = self.findText(name)
        if row >= 0:
            self.setCurrentIndex(row)

    def close_connections(self) -> None:
        """Stop following the viewer."""
        layers = self._viewer.layers.events
        for event in (layers.inserted, layers.removed, layers.reordered):
            event.disconnect(self._fill)
        self._watch([])

    def _fill(self) -> None:
        images = [layer for layer in self._viewer.layers if isinstance(layer, Image)]
        before = self.layer
        self.blockSignals(True)
        self.clear()
        # The uppermost layer, which was most likely added last, comes first.
        for image in reversed(images):
            self.addItem(image.name, image)
        if before is not None:
            self.choose(before)
        self.blockSignals(False)
        self._watch(images)
        if self.layer != before:
            self.currentIndexChanged.emit(self.currentIndex())

    def _watch(self, images: list[Any]) -> None:
        for layer in self._watched:
            layer.events.name.disconnect(self._fill)
        for layer in images:
            layer.events.name.connect(self._fill)
        self._watched = images
