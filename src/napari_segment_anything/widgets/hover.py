"""The mask under the mouse, before any click."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject

from napari_segment_anything.session.answers import preview
from napari_segment_anything.session.objects import PlanePrompts
from napari_segment_anything.session.requests import MaskRequest
from napari_segment_anything.widgets.workers import LatestWorker, answering_thread

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.embedding_jobs import EmbeddingPlaces
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.requests import MaskResponse
    from napari_segment_anything.session.session import Session
    from napari_segment_anything.widgets.annotation_layers import AnnotationLayers


class Hover(QObject):
    """Shows what a click would give, where nothing is drawn and the plane is ready.

    Parameters
    ----------
    layers : AnnotationLayers
        Whose preview is used.
    session : Session
        Knows the image and whether a mask is shown that was asked for by a click.
    """

    def __init__(self, layers: AnnotationLayers, session: Session) -> None:
        super().__init__()
        self._layers = layers
        self._session = session
        self._is_on = False
        self._is_shown = False
        self._model: tuple[MaskPredictor, EmbeddingPlaces] | None = None
        self._worker = LatestWorker(self, answering_thread())
        self._worker.finished.connect(self._on_answer)
        # A mouse that leaves the image is no error to tell about.
        for layer in layers.prompts.layers:
            layer.mouse_move_callbacks.append(self._on_move)

    @property
    def is_on(self) -> bool:
        """Whether masks are shown before a click."""
        return self._is_on

    @is_on.setter
    def is_on(self, is_on: bool) -> None:
        self._is_on = is_on
        if not is_on:
            self.hide()

    @property
    def is_shown(self) -> bool:
        """Whether a mask is shown that nobody has clicked on."""
        return self._is_shown

    def set_model(self, predictor: MaskPredictor, places: EmbeddingPlaces) -> None:
        """Ask this model from now on."""
        self._model = (predictor, places)

    def look(self, plane: PlaneId, y: float, x: float) -> None:
        """Ask for the mask of a point, unless one is shown that was clicked for."""
        if not self._may_show(plane):
            return
        height, width = self._session.source.plane_shape(plane)
        if not (-0.5 <= y <= height - 0.5 and -0.5 <= x <= width - 0.5):
            self.hide()
            return
        prompts = PlanePrompts(np.array([[y, x]]), np.array([True]))
        request = MaskRequest(0, self._session.source, plane, prompts)
        if self._model is not None:
            predictor, places = self._model
            self._worker.submit(partial(preview, request, predictor, places.store))

    def hide(self) -> None:
        """Take the mask away that is shown without a click."""
        if self._is_shown:
            self._is_shown = False
            if self._session.response is None:
                self._layers.preview.hide()

    def close(self) -> None:
        """Let go of the layers."""
        self._worker.close()
        for layer in self._layers.prompts.layers:
            if self._on_move in layer.mouse_move_callbacks:
                layer.mouse_move_callbacks.remove(self._on_move)

    def _may_show(self, plane: PlaneId | None) -> bool:
        if not self._is_on or self._model is None or plane is None:
            return False
        if self._session.response is not None or self._layers.have_prompts:
            return False
        predictor, places = self._model
        # Encoding is left to what waits for a click; hovering must never start it.
        return bool(
            places.index.keys_of(self._session.source, plane, predictor.model_digest)
        )

    def _on_move(self, layer: Layer, event: Any) -> None:
        plane = self._layers.plane
        if not self._is_on or plane is None:
            return
        position = layer.world_to_data(event.position)
        axes = self._layers.axes
        y, x = (float(position[axes.index(letter)]) for letter in plane.plane_axes)
        self.look(plane, y, x)

    def _on_answer(self, response: MaskResponse) -> None:
        plane = response.request.plane
        if response.masks is None or plane != self._layers.plane:
            return
        if self._may_show(plane):
            self._is_shown = True
            self._layers.preview.show(response.masks, plane)
