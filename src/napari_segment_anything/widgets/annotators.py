"""The annotators of one viewer, one per image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.errors import SegmentAnythingError
from napari_segment_anything.widgets.annotator import Annotator
from napari_segment_anything.widgets.preferences import Preferences

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Layer

    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.storage.embedding_store import EmbeddingStore
    from napari_segment_anything.widgets.workbench import Workbench


class Annotators(QObject):
    """Makes annotators, and gives all of them the model.

    Those of images that were removed are forgotten, unless no record holds what was
    made in them.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer that holds the images.
    workbench : Workbench
        What the docks of the viewer share.
    """

    made = Signal(object)
    """A new annotator."""

    changed = Signal()
    said = Signal(str)
    failed = Signal(object)

    def __init__(self, viewer: ViewerModel, workbench: Workbench) -> None:
        super().__init__()
        self._bench = workbench
        self._viewer = viewer
        self._annotators: dict[Image, Annotator] = {}
        self._lost: dict[Image, Annotator] = {}
        self._is_offered = False
        self._left: list[Annotator] = []
        self._model: tuple[MaskPredictor, EmbeddingStore] | None = None
        self.preferences = Preferences()
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.layers.events.inserted.connect(self._on_inserted)

    @property
    def every(self) -> tuple[Annotator, ...]:
        """All of them, also of images that were removed."""
        return *self._annotators.values(), *self._lost.values()

    @property
    def previews(self) -> list[Layer]:
        """The layers that show what is not accepted yet, of all images."""
        return [one.layers.preview.layer for one in self._annotators.values()]

    @property
    def lost_image(self) -> Image | None:
        """The image removed last of which no record holds what was made in it.

        None once another image is annotated instead.
        """
        self._forget_saved()
        return next(reversed(self._lost), None) if self._is_offered else None

    def bring_back(self) -> Image | None:
        """Put the lost image and its layers into the viewer again."""
        image = self.lost_image
        if image is not None:
            annotator = self._lost[image]
            annotator.layers.bring_image_back()
            annotator.start()
        return image

    def get(self, image: Image | None) -> Annotator | None:
        """Return the annotator of an image, None when there is none yet."""
        return None if image is None else self._annotators.get(image)

    def make(self, image: Image, axes: str) -> Annotator | None:
        """Return the annotator of an image; None after `failed` has said why not."""
        present = self.get(image)
        if present is not None:
            if present.layers.fit_image:
                return present
            self._forget(image)
        try:
            annotator = Annotator(self._viewer, image, axes, self._bench)
        except (SegmentAnythingError, MemoryError) as error:
            self.failed.emit(error)
            return None
        _prefer(annotator, self.preferences)
        annotator.state_changed.connect(self.changed)
        annotator.said.connect(self.said)
        annotator.failed.connect(self.failed)
        annotator.layers.prompts.polarity_changed.connect(self._on_polarity)
        if self._model is not None:
            annotator.set_model(*self._model)
        self._annotators[image] = annotator
        self.made.emit(annotator)
        # Whoever goes on has removed those before on purpose, and wants the memory.
        self._is_offered = False
        for lost in list(self._lost)[:-1]:
            self._lost.pop(lost).close()
        return annotator

    def change_axes(self, image: Image, axes: str) -> bool:
        """Name the axes of an image anew; refused once something was drawn.

        Returns
        -------
        bool
            Whether the image has no annotator with other axes any more.
        """
        annotator = self.get(image)
        if annotator is None or annotator.layers.axes == axes:
            return True
        if len(annotator.session.objects) or not annotator.layers.prompts.are_empty:
            return False
        was_shown = annotator.layers.are_shown
        self._forget(image)
        annotator.layers.remove()
        renamed = self.make(image, axes) if was_shown else None
        if renamed is not None:
            renamed.start()
        return True

    def set_model(self, predictor: MaskPredictor, store: EmbeddingStore) -> None:
        """Let all annotators, also future ones, ask this model."""
        if self._model == (predictor, store):
            return  # What is being answered is not to be dropped.
        self._model = (predictor, store)
        for annotator in self._annotators.values():
            annotator.set_model(predictor, store)

    def set_preferences(self, preferences: Preferences) -> None:
        """Let all annotators, also future ones, do as the user wants."""
        self.preferences = preferences
        for annotator in self._annotators.values():
            _prefer(annotator, preferences)

    def unsaved(self) -> dict[str, Annotator]:
        """Return those with objects of which no record was saved, by image."""
        return {
            annotator.layers.image.name: annotator
            for annotator in (*self.every, *self._left)
            if annotator.session.is_unsaved
        }

    def close(self) -> None:
        """Let go of the viewer; all layers stay."""
        events = self._viewer.layers.events
        events.removed.disconnect(self._on_removed)
        events.inserted.disconnect(self._on_inserted)
        for annotators in (self._annotators, self._lost):
            for annotator in annotators.values():
                annotator.close()
            annotators.clear()
        self._left.clear()

    def _on_polarity(self) -> None:
        self.changed.emit()

    def _on_removed(self) -> None:
        for image in list(self._annotators):
            annotator = self._annotators[image]
            if image not in self._viewer.layers:
                self._lose(image)
            elif annotator.layers.have_been_removed:
                self.said.emit(
                    "A layer was removed; “Bring layers back” shows it again with all "
                    "that was in it."
                )
        self.changed.emit()

    def _on_inserted(self) -> None:
        for image in list(self._lost):
            if image in self._viewer.layers:
                annotator = self._lost.pop(image)
                if self._model is not None:
                    annotator.set_model(*self._model)
                _prefer(annotator, self.preferences)
                self._annotators[image] = annotator
                self.changed.emit()

    def _lose(self, image: Image) -> None:
        annotator = self._annotators.pop(image)
        if not annotator.session.is_unsaved:
            annotator.close()
            return
        self._lost[image] = annotator
        self._is_offered = True
        self.said.emit(
            f"“{image.name}” was removed, and no record of its objects was saved; "
            "“Bring image back” shows it again."
        )

    def _forget(self, image: Image) -> None:
        annotator = self._annotators.pop(image)
        annotator.close()
        if annotator.session.is_unsaved:
            self._left.append(annotator)

    def _forget_saved(self) -> None:
        """Let go of the pixels of removed images whose objects a record holds."""
        for image, annotator in list(self._lost.items()):
            if not annotator.session.is_unsaved:
                self._lost.pop(image).close()
        self._left = [one for one in self._left if one.session.is_unsaved]


def _prefer(annotator: Annotator, preferences: Preferences) -> None:
    annotator.acceptance.may_overwrite = preferences.may_overwrite
    annotator.acceptance.is_turbo = preferences.is_turbo
    annotator.acceptance.class_id = preferences.class_id
    annotator.hover.is_on = preferences.is_hovering
    annotator.settings = preferences.settings
