"""Choice of a model, and the button that says what loading it takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_segment_anything.session.jobs import ModelChoice

_OTHER = "Weights file …"
_MB = 1e6
_GB = 1e9


class ModelRow(QWidget):
    """A combo box of models and a *Load* button.

    ``note`` says what the chosen model is for, ``warning`` what slows it down; whoever
    lays out the row places them.
    """

    load_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choices: dict[str, ModelChoice] = {}
        self._loaded = ""
        self._is_busy = False
        self.combo = QComboBox()
        self.combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.combo.setMinimumContentsLength(6)
        self.combo.addItem("nano", "nano")
        self.button = QPushButton("Load")
        self.button.setToolTip("Downloads the weights where they are not here; loads.")
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )
        self.warning = QLabel()
        self.warning.setWordWrap(True)
        self.warning.setSizePolicy(self.note.sizePolicy())
        # Vermilion of the Okabe-Ito palette is read on dark and on light ground.
        self.warning.setStyleSheet("color: #D55E00; font-weight: bold;")
        self.warning.setVisible(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.combo, 1)
        row.addWidget(self.button)
        self.combo.currentIndexChanged.connect(self._update)
        self.combo.activated.connect(self._on_activated)
        self.button.clicked.connect(self._request)
        self._update()

    @property
    def model(self) -> str:
        """Name or path of the chosen model."""
        return str(self.combo.currentData() or self.combo.currentText())

    @property
    def is_here(self) -> bool:
        """Whether the chosen model can be loaded without a download."""
        choice = self._choices.get(self.model)
        return choice is None or choice.is_here

    @property
    def missing_message(self) -> str:
        """What to do while the chosen model is not here."""
        button = self.button.text()
        return f"{self.model} is not on this computer yet; press “{button}” first."

    def set_choices(self, choices: Sequence[ModelChoice]) -> None:
        """List these models, and a file of the user's own."""
        before = self.model
        self._choices = {choice.name: choice for choice in choices}
        self.combo.blockSignals(True)
        self.combo.clear()
        for choice in choices:
            self.combo.addItem(choice.name, choice.name)
        self.combo.addItem(_OTHER)
        self.choose(before)
        self.combo.blockSignals(False)
        self._update()

    def set_loaded(self, model: str, device: str, device_note: str = "") -> None:
        """Say which model is loaded, where it runs, and what could be better."""
        if not self._loaded:
            # Another dock may have loaded it.
            self.choose(model)
        self._loaded, self._device = model, device
        self.warning.setText(device_note)
        self.warning.setVisible(bool(device_note))
        self._update()

    def set_busy(self, is_busy: bool) -> None:
        """Offer no loading while something else runs."""
        self._is_busy = is_busy
        self._update()

    def choose(self, model: str) -> None:
        """Choose a model by its name, or a weights file, which is then offered too."""
        if self.combo.findData(model) < 0:
            self.combo.insertItem(0, Path(model).name, model)
        self.combo.setCurrentIndex(self.combo.findData(model))

    def _request(self) -> None:
        self.load_requested.emit(self.model)

    def _on_activated(self, row: int) -> None:
        if self.combo.itemText(row) != _OTHER:
            return
        path, _ = QFileDialog.getOpenFileName(
            self, "Weights of a SAM", "", "Weights (*.pt *.pth *.safetensors)"
        )
        if path:
            self.choose(path)
        else:
            self.combo.setCurrentIndex(0)

    def _update(self) -> None:
        is_loaded = self.model == self._loaded
        choice = self._choices.get(self.model)
        self.button.setText("Loaded" if is_loaded else load_text(choice))
        is_choice = self.combo.currentText() != _OTHER
        self.button.setEnabled(is_choice and not is_loaded and not self._is_busy)
        parts = [f"{choice.purpose} · {choice.licence}"] if choice else []
        if is_loaded:
            parts.append(f"Runs on {self._device}.")
        elif self._loaded:
            parts.append(f"{Path(self._loaded).name} answers until this one is loaded.")
        self.note.setText("\n".join(parts))
        self.note.setVisible(bool(parts))


def load_text(choice: ModelChoice | None) -> str:
    """Return what the button says: what loading this model takes, in few letters."""
    if choice is None or choice.is_here:
        return "Load"
    if choice.n_bytes is None:
        return "Download"
    if choice.n_bytes < _GB:
        return f"Get {choice.n_bytes / _MB:.0f} MB"
    return f"Get {choice.n_bytes / _GB:.1f} GB"
