"""How the user wants masks to be: one value for all images of a viewer."""

from __future__ import annotations

from dataclasses import dataclass, field

from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_segment_anything.session.answers import AnswerSettings, MaskSize
from napari_segment_anything.session.mask_options import MaskOptions
from napari_segment_anything.widgets.fold import Fold
from napari_segment_anything.widgets.keys import (
    HOVER_KEY,
    SIZE_KEY,
    TURBO_KEY,
    with_key,
)

_MAX_SMOOTH = 10
_MAX_CLASS = 255


@dataclass(frozen=True)
class Preferences:
    """What holds for every image of a viewer.

    Parameters
    ----------
    settings : AnswerSettings
        Size of a single click, and how masks are cleaned.
    may_overwrite : bool
        Whether new objects may take pixels of others.
    is_hovering : bool
        Whether masks are shown before a click.
    is_turbo : bool
        Whether each click is an object at once.
    class_id : int
        Which kind of thing new objects are.
    """

    settings: AnswerSettings = field(default_factory=AnswerSettings)
    may_overwrite: bool = False
    is_hovering: bool = False
    is_turbo: bool = False
    class_id: int = 1


class PreferencesForm(QWidget):
    """Size of a click, hover, turbo, and options that are folded away."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.size_of_click = QComboBox()
        for size in MaskSize:
            self.size_of_click.addItem(str(size).capitalize(), size)
        self.size_of_click.setToolTip(
            "A single click may mean a part, an object or a group: the model gives "
            "three masks. “Best” takes the one it is surest of; the choice is kept "
            f"for the next objects. Key: {SIZE_KEY}"
        )
        self.hover = _check(
            with_key("Hover", HOVER_KEY),
            "Shows the mask under the mouse before a click, on planes that are ready. "
            f"Key: {HOVER_KEY}",
        )
        self.turbo = _check(
            with_key("Turbo", TURBO_KEY),
            f"Each click is accepted as an object at once. Key: {TURBO_KEY}",
        )
        self.fill_holes = _check(
            "Fill holes", "Fills what a mask encloses. Switch it off for rings."
        )
        self.fill_holes.setChecked(True)
        self.keep_largest = _check(
            "Only the largest region",
            "Without it, each region that one of your points lies in stays.",
        )
        self.smooth = QSpinBox()
        self.smooth.setRange(0, _MAX_SMOOTH)
        self.smooth.setSuffix(" px")
        self.smooth.setSpecialValueText("off")
        self.smooth.setToolTip("Rounds off outlines by this radius.")
        self.may_overwrite = _check(
            "May overwrite other objects",
            "By default objects keep their pixels, and new ones get what is free.",
        )
        self.others_are_out = _check(
            "Objects nearby are outside",
            "Up to four of the nearest objects count as points outside of the one that "
            "is drawn, and so do prompts of a layer to each other under “Use as "
            "prompts”. It helps where cells touch.",
        )
        self.class_id = QSpinBox()
        self.class_id.setRange(1, _MAX_CLASS)
        self.class_id.setToolTip(
            "Which kind of thing the next objects are. “Class layer” makes a layer of "
            "classes instead of objects."
        )
        self._lay_out()
        self.size_of_click.currentIndexChanged.connect(self.changed)
        self.smooth.valueChanged.connect(self.changed)
        self.class_id.valueChanged.connect(self.changed)
        for check in (
            self.hover,
            self.turbo,
            self.fill_holes,
            self.keep_largest,
            self.may_overwrite,
            self.others_are_out,
        ):
            check.toggled.connect(self.changed)

    @property
    def preferences(self) -> Preferences:
        """What is chosen now."""
        return Preferences(
            AnswerSettings(
                MaskSize(self.size_of_click.currentData()),
                MaskOptions(
                    fill_holes=self.fill_holes.isChecked(),
                    keep_largest=self.keep_largest.isChecked(),
                    smooth=self.smooth.value(),
                ),
                self.others_are_out.isChecked(),
            ),
            may_overwrite=self.may_overwrite.isChecked(),
            is_hovering=self.hover.isChecked(),
            is_turbo=self.turbo.isChecked(),
            class_id=self.class_id.value(),
        )

    def show_choices(self, chosen: Preferences) -> None:
        """Show what is chosen; nothing is sent of it."""
        settings, options = chosen.settings, chosen.settings.options
        self.blockSignals(True)
        size = self.size_of_click.findData(settings.size)
        self.size_of_click.setCurrentIndex(size)
        self.fill_holes.setChecked(options.fill_holes)
        self.keep_largest.setChecked(options.keep_largest)
        self.smooth.setValue(options.smooth)
        self.others_are_out.setChecked(settings.others_are_out)
        self.may_overwrite.setChecked(chosen.may_overwrite)
        self.hover.setChecked(chosen.is_hovering)
        self.turbo.setChecked(chosen.is_turbo)
        self.class_id.setValue(chosen.class_id)
        self.blockSignals(False)

    def choose_next_size(self) -> None:
        """Choose the size after the present one, in a circle."""
        size = MaskSize(self.size_of_click.currentData()).next
        self.size_of_click.setCurrentIndex(self.size_of_click.findData(size))

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        size = QFormLayout()
        size.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        size.addRow(with_key("Size of a click", SIZE_KEY), self.size_of_click)
        column.addLayout(size)
        modes = QHBoxLayout()
        modes.setSpacing(4)
        modes.addWidget(self.hover, 1)
        modes.addWidget(self.turbo, 1)
        column.addLayout(modes)
        rows = QFormLayout()
        rows.addRow(self.fill_holes)
        rows.addRow(self.keep_largest)
        rows.addRow("Smooth", self.smooth)
        rows.addRow(self.others_are_out)
        rows.addRow(self.may_overwrite)
        rows.addRow("Class", self.class_id)
        self.fold = Fold("Options of masks", rows)
        column.addWidget(self.fold)


def _check(text: str, tooltip: str) -> QCheckBox:
    check = QCheckBox(text)
    check.setToolTip(tooltip)
    return check
