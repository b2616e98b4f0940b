"""What the dock of embeddings looks like; it does nothing by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QCheckBox

from napari_segment_anything.widgets.image_form import ImageForm, button, side_by_side
from napari_segment_anything.widgets.layout import heading, note, wide_form
from napari_segment_anything.widgets.plane_strip import PlaneStrip

if TYPE_CHECKING:
    from napari.components import ViewerModel

_MAX_FOLDER = 44


class EmbeddingsForm(ImageForm):
    """The form of the *Embeddings* dock.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer whose images are offered.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__(viewer)
        self.model = note()
        self.strips: dict[str, PlaneStrip] = {}
        self.summary = note()
        self.ahead = QCheckBox("Embed around the visible plane")
        self.ahead.setChecked(True)
        self.ahead.setToolTip(
            "While this dock is open, planes next to the visible one are embedded in "
            "the background, first those in the direction you scroll."
        )
        self.embed_all = button(
            "Embed all planes",
            "The visible plane comes first, then its neighbours, then the rest. What "
            "was embedded before is found again.",
        )
        self.pause = button("Pause", "Finishes the plane being encoded, then waits.")
        self.job.cancel_button.setToolTip("What is embedded until now is kept.")
        self.stored = note()
        self.folder = note()
        self.change_folder = button(
            "Other folder …",
            "Keep embeddings somewhere else, for instance in a folder that was made "
            "by “napari-segment-anything embed --store” on a cluster.",
        )
        self.clear = button(
            "Clear …", "Delete all embeddings in the folder. Asks before."
        )
        self._strips = wide_form()
        self._lay_out()

    def set_axes(self, letters: str) -> bool:
        """Show one strip for each of these axes; return whether any is new."""
        if letters == "".join(self.strips):
            return False
        while self._strips.rowCount():
            self._strips.removeRow(0)
        self.strips = {letter: PlaneStrip() for letter in letters}
        for letter, strip in self.strips.items():
            self._strips.addRow(letter, strip)
        return True

    def show_folder(self, folder: str) -> None:
        """Say where embeddings are kept."""
        short = folder
        if len(folder) > _MAX_FOLDER:
            half = _MAX_FOLDER // 2
            short = f"{folder[: half - 1]} … {folder[-half + 1 :]}"
        self.folder.setText(short)
        self.folder.setToolTip(folder)

    def show_size(self, n_bytes: int, quota_bytes: int | None, problem: str) -> None:
        """Say how much is kept."""
        of_quota = f" of at most {in_bytes(quota_bytes)}" if quota_bytes else ""
        self.stored.setText(problem or f"{in_bytes(n_bytes)} on disk{of_quota}")

    def _lay_out(self) -> None:
        column = self.begin(("Model", self.model))
        column.addWidget(heading("Planes"))
        self._strips.setVerticalSpacing(2)
        column.addLayout(self._strips)
        column.addWidget(self.summary)
        column.addWidget(self.ahead)
        column.addLayout(side_by_side(self.embed_all, self.pause, stretch=(2, 1)))
        column.addWidget(heading("Store"))
        column.addWidget(self.stored)
        column.addWidget(self.folder)
        column.addLayout(side_by_side(self.change_folder, self.clear, stretch=(2, 1)))
        column.addStretch(1)


def in_bytes(n_bytes: int) -> str:
    """Return a number of bytes for people, such as ``12.5 MB``."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.3g} {unit}"
    return f"{n_bytes / 1e3:.0f} kB"
