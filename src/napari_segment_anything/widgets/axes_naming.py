"""What the sliders of the chosen image mean: shown, named, and asked for once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.widgets.plane import axes_choices

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_segment_anything.widgets.annotators import Annotators
    from napari_segment_anything.widgets.dock_form import DockForm
    from napari_segment_anything.widgets.workbench import Workbench


class AxesNaming(QObject):
    """Joins the axes of the form with those of the images.

    Parameters
    ----------
    form : DockForm
        Where they are named.
    annotators : Annotators
        Keep the axes of what is drawn on.
    workbench : Workbench
        Remembers them.
    """

    said = Signal(str)

    def __init__(
        self, form: DockForm, annotators: Annotators, workbench: Workbench
    ) -> None:
        super().__init__()
        self._form, self._annotators, self._bench = form, annotators, workbench
        self._after: Callable[[], None] | None = None
        form.axes.textActivated.connect(self._on_chosen)
        line = form.axes.lineEdit()
        if line is not None:
            line.editingFinished.connect(self._on_named)
        form.question.answered.connect(self._on_answer)

    @property
    def letters(self) -> str:
        """The axes that the form shows, one letter per dimension."""
        return str(self._form.axes.currentText()).strip().upper()

    def show(self) -> None:
        """Show the axes of the chosen image."""
        image, axes = self._form.image.layer, self._form.axes
        self._form.question.dismiss()
        axes.clear()
        if image is not None:
            axes.addItems(axes_choices(image.ndim))
            annotator = self._annotators.get(image)
            axes.setCurrentText(
                self._bench.axes_of(image)
                if annotator is None
                else annotator.layers.axes
            )

    def ask_before(self, then: Callable[[], None]) -> None:
        """Go on once it is known what the sliders mean; asks for it only once."""
        image = self._form.image.layer
        if image is None:
            return
        is_changed = self.letters != self._bench.axes_of(image)
        if is_changed or not self._bench.must_ask_axes(image):
            self._form.question.dismiss()
            then()
        else:
            self._after = then
            self._form.question.ask(image.name, image.ndim)

    def _on_answer(self, axes: str) -> None:
        image, then = self._form.image.layer, self._after
        if image is not None and then is not None:
            self._after = None
            self._bench.name_axes(image, axes)
            then()

    def _on_chosen(self) -> None:
        # Choosing what was proposed is an answer too.
        image = self._form.image.layer
        if image is not None and self._annotators.get(image) is None:
            self._bench.name_axes(image, self.letters)
        self._on_named()

    def _on_named(self) -> None:
        image = self._form.image.layer
        annotator = self._annotators.get(image)
        if image is None or annotator is None:
            return
        if not self._annotators.change_axes(image, self.letters):
            self._form.axes.setCurrentText(annotator.layers.axes)
            self.said.emit("Axes are fixed once something is drawn or accepted.")
        else:
            self._bench.name_axes(image, self.letters)
