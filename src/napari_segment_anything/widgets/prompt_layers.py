"""Points and boxes as ordinary napari layers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Points, Shapes
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_segment_anything.session.drawing import Drawing, Kind, Outline
from napari_segment_anything.session.objects import Polarity
from napari_segment_anything.widgets.plane import transform_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from napari.layers import Image

    from napari_segment_anything.session.objects import PlanePrompts
    from napari_segment_anything.session.planes import PlaneId

# Sky blue and vermilion of the Okabe-Ito palette: told apart by colour-blind people,
# and visible on grey. The symbol says the same without colour.
COLOURS = {Polarity.INSIDE: "#56B4E9", Polarity.OUTSIDE: "#D55E00"}
_SYMBOLS = {Polarity.INSIDE: "disc", Polarity.OUTSIDE: "cross"}
_FEATURE = "polarity"
_FINISHED_EDITS = ("added", "removed", "changed")
_RIGHT_BUTTON = 2
_LOOK_MS = 100


class PromptLayers:
    """The two layers a user draws prompts in, for one image.

    Parameters
    ----------
    image : Image
        The layer to segment; the prompt layers lie exactly on it.
    axes : str
        One letter per dimension of the image.
    """

    changed = Signal()
    """A point or box was added, moved, removed or turned; once per edit."""

    polarity_changed = Signal(str)

    def __init__(self, image: Image, axes: str) -> None:
        self.axes = axes
        self._polarity = Polarity.INSIDE
        self._click_is_other = False
        self._is_quiet = False
        self._n_finished = 0  # shapes that are not being drawn
        self.is_closed = False
        transform = transform_of(image)
        self.points = Points(
            np.zeros((0, image.ndim)),
            ndim=image.ndim,
            name="SAM points",
            features={_FEATURE: np.zeros(0, dtype=object)},
            feature_defaults={_FEATURE: str(Polarity.INSIDE)},
            face_color=_FEATURE,
            face_color_cycle={str(p): colour for p, colour in COLOURS.items()},
            border_color="white",
            border_width=0.1,
            size=_point_size(image),
            # Readable at any zoom: never larger or smaller than this on the screen.
            canvas_size_limits=(9, 16),
            **transform,
        )
        self.boxes = Shapes(
            None,
            ndim=image.ndim,
            name="SAM boxes",
            edge_color=COLOURS[Polarity.INSIDE],
            face_color="transparent",
            edge_width=_point_size(image) / 6,
            opacity=1.0,
            **transform,
        )
        self.points.mouse_drag_callbacks.append(self._note_button)
        self.points.events.data.connect(self._on_points)
        self.points.events.features.connect(self._on_features)
        self.boxes.events.data.connect(self._on_boxes)

    @property
    def layers(self) -> tuple[Points, Shapes]:
        """The points, then the boxes."""
        return self.points, self.boxes

    @property
    def are_empty(self) -> bool:
        """Whether nothing is drawn on any plane."""
        return len(self.points.data) + len(self.boxes.data) == 0

    @property
    def is_drawing(self) -> bool:
        """Whether a shape was begun and is not finished."""
        return len(self.boxes.data) > self._n_finished

    def when_finished(self, then: Callable[[], None]) -> None:
        """Do something now, or once the shape that is being drawn is finished."""
        if not self.is_drawing:
            then()
        elif not self.is_closed:
            QTimer.singleShot(_LOOK_MS, partial(self.when_finished, then))

    @property
    def polarity(self) -> Polarity:
        """What the next left click means."""
        return self._polarity

    @polarity.setter
    def polarity(self, polarity: Polarity) -> None:
        if polarity != self._polarity:
            self._polarity = Polarity(polarity)
            self.polarity_changed.emit(polarity)

    @property
    def content(self) -> Drawing:
        """Everything that is drawn on any plane, in coordinates of the layers."""
        return Drawing(
            self.points.data.copy(),
            self._is_inside(),
            tuple(
                Outline(Kind(str(kind)), np.array(vertices, dtype=float))
                for kind, vertices in zip(
                    self.boxes.shape_type, self.boxes.data, strict=True
                )
            ),
        )

    def restore(self, content: Drawing) -> None:
        """Draw exactly what `content` was once."""
        with _OneChange(self):
            self.points.selected_data = set()
            # A copy: napari moves points in place, and what was drawn once must stay.
            self.points.data = content.points.copy()
            # Without a row napari finds no default for the next point, and fails.
            if len(content.points):
                self.points.features = {
                    _FEATURE: [
                        str(Polarity.INSIDE if inside else Polarity.OUTSIDE)
                        for inside in content.is_inside
                    ]
                }
                self.points.refresh_colors(update_color_mapping=False)
            self._update_symbols()
            # Not by selecting all of them: napari 0.6.2 cannot select shapes of which
            # none is on the plane that is shown.
            self.boxes.data = []
            self.boxes.features = {}
            self._add_outlines(content.outlines)
            self._n_finished = len(self.boxes.data)

    def drawing_on(self, plane: PlaneId) -> Drawing:
        """Return what is drawn on a plane, in pixels of the plane."""
        return self.content.on(plane, self.axes)

    def prompts_on(self, plane: PlaneId) -> PlanePrompts:
        """Return what the model is asked about a plane."""
        return self.drawing_on(plane).prompts

    def clear(self, plane: PlaneId) -> None:
        """Remove what is drawn on a plane; the next point is inside again."""
        self.restore(self.content.without(plane, self.axes))
        self.polarity = Polarity.INSIDE

    def draw(self, plane: PlaneId, drawing: Drawing) -> None:
        """Add to a plane, as if the user had drawn it."""
        self.restore(self.content.joined(drawing.lifted(plane, self.axes)))

    def _add_outlines(self, outlines: tuple[Outline, ...]) -> None:
        for outline in outlines:
            self.boxes.add(outline.vertices.copy(), shape_type=str(outline.kind))

    def _is_inside(self) -> npt.NDArray[np.bool_]:
        polarities = self.points.features[_FEATURE].to_numpy()
        is_inside: npt.NDArray[np.bool_] = np.asarray(
            polarities == Polarity.INSIDE, dtype=bool
        ).reshape(len(self.points.data))
        return is_inside

    def _note_button(self, layer: Points, event: Any) -> None:
        self._click_is_other = event.button == _RIGHT_BUTTON or "Alt" in event.modifiers

    def _on_points(self, event: Any) -> None:
        action = _action(event)
        if self._is_quiet:
            return
        if action == "adding":
            # Selecting a point overwrites the defaults, and adding selects: so they
            # are set again before each point.
            coming = Polarity.OUTSIDE if self._click_is_other else self._polarity
            self.points.feature_defaults = {_FEATURE: str(coming)}
        elif action in _FINISHED_EDITS:
            self._click_is_other = False
            self._update_symbols()
            self.changed.emit()
            if action == "added" and self.points.mode == "add":
                # napari selects a new point, and what is selected looks blue: one
                # could not tell inside from outside.
                QTimer.singleShot(0, self._deselect)

    def _deselect(self) -> None:
        if self.points.mode == "add":
            self.points.selected_data = set()

    def _on_features(self) -> None:
        # Also fires after each added point, when nothing is left to do.
        if not self._is_quiet and self._update_symbols():
            self.points.refresh_colors(update_color_mapping=False)
            self.changed.emit()

    def _on_boxes(self, event: Any) -> None:
        if not self._is_quiet and _action(event) in _FINISHED_EDITS:
            self._n_finished = len(self.boxes.data)
            self.changed.emit()

    def _update_symbols(self) -> bool:
        polarities = self.points.features[_FEATURE].to_numpy()
        # A table of features can be edited by hand: anything else counts as outside.
        wanted = [
            _SYMBOLS[Polarity.INSIDE if p == Polarity.INSIDE else Polarity.OUTSIDE]
            for p in polarities
        ]
        present = [str(symbol) for symbol in self.points.symbol]
        if wanted == present or not wanted:
            return False
        self.points.symbol = wanted
        return True


class _OneChange:
    """Gather the events of several edits into a single `PromptLayers.changed`."""

    def __init__(self, layers: PromptLayers) -> None:
        self._layers = layers

    def __enter__(self) -> None:
        self._layers._is_quiet = True

    def __exit__(self, *exc_info: object) -> None:
        self._layers._is_quiet = False
        self._layers.changed.emit()


def _action(event: Any) -> str:
    return str(getattr(event, "action", ""))


def _point_size(image: Image) -> float:
    lengths = image.extent.data[1] - image.extent.data[0]
    return max(2.0, float(np.max(lengths[-2:])) / 60)
