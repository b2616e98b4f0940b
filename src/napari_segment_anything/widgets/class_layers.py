"""Semantic output: a layer of classes instead of objects."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.widgets.plane import transform_of
from napari_segment_anything.widgets.workers import LatestWorker

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_segment_anything.widgets.annotation_layers import AnnotationLayers
    from napari_segment_anything.widgets.annotator import Annotator


class ClassLayers(QObject):
    """Adds layers of classes to a viewer."""

    said = Signal(str)
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._layers: AnnotationLayers | None = None
        self._place: dict[str, Any] = {}
        self._worker = LatestWorker(self)
        self._worker.finished.connect(self._on_classes)
        self._worker.failed.connect(self.failed)

    @property
    def is_busy(self) -> bool:
        """Whether a layer is being made."""
        return self._worker.is_busy

    def add(self, annotator: Annotator | None) -> None:
        """Add a layer with the class of each object of an image as it is now."""
        if annotator is None:
            return
        layers = self._layers = annotator.layers
        classes = {
            o.object_id: o.class_id for o in annotator.session.objects.in_order()
        }
        name = f"{layers.image.name} classes"
        self._place = {**transform_of(layers.image), "name": name}
        self._worker.submit(partial(classes_of, layers.results.layer.data, classes))

    def close(self) -> None:
        """Make no more layers."""
        self._worker.close()
        self._layers = None

    def _on_classes(self, classes: npt.NDArray[np.uint8]) -> None:
        if self._layers is not None:
            self._layers.add_result(Labels(classes, **self._place))
            self.said.emit(f"Added “{self._place['name']}”.")


def classes_of(data: npt.ArrayLike, classes: dict[int, int]) -> npt.NDArray[np.uint8]:
    """Return the class of each pixel: 0 for the ground, 1 for what has no class.

    Called by a worker: the labels may have to be read from the disk.
    """
    labels = np.asarray(data)
    table = np.ones(int(labels.max(initial=0)) + 1, dtype=np.uint8)
    table[0] = 0
    for object_id, class_id in classes.items():
        if object_id < len(table):
            table[object_id] = class_id
    found: npt.NDArray[np.uint8] = table[labels]
    return found
