"""One change of the labels, as it is written down."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from napari_segment_anything.session.answers import AnswerSettings, MaskSize
from napari_segment_anything.session.drawing import Drawing, Kind, Outline
from napari_segment_anything.session.mask_options import MaskOptions
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.session.review import ReviewFilter

if TYPE_CHECKING:
    from collections.abc import Callable


class ActionKind(StrEnum):
    """What can be done to labels and objects."""

    ACCEPT = "accept"
    PROMPTS = "prompts"
    EVERYTHING = "everything"
    JUDGE = "judge"
    DELETE = "delete"
    MERGE = "merge"
    SPLIT = "split"
    CARRY = "carry"
    PAINT = "paint"


@dataclass(frozen=True, eq=False)
class Action:
    """One change, with all that is needed to make it again.

    Parameters
    ----------
    kind : ActionKind
        What was done.
    plane : PlaneId
        Where.
    ids : tuple of int
        Ids of the objects that it made, took away or joined.
    predicted_iou : tuple of float
        The model's own estimate for each of them.
    model_digest : str
        Digest of the weights; empty where no model was asked.
    drawing : Drawing
        What was drawn.
    drawings : tuple of Drawing
        Where each object was asked for by itself: what was drawn for it.
    settings : AnswerSettings
        Size of a single click, and how masks were cleaned.
    may_overwrite : bool
        Whether pixels of other objects could be taken.
    replaced : int or None
        Object that was open again.
    others : tuple
        (y, x) of points of other objects that counted as outside.
    others_of_each : tuple of tuple
        The same for each of ``drawings``; empty where no others were told.
    class_id : int
        Which kind of thing the objects are.
    filters : tuple of ReviewFilter or None
        What everything mode let pass before and after; None before it ran.
    removed : tuple of int
        Objects that did not pass any more.
    axis : str
        Along which an object was carried.
    span : tuple of int
        First and last plane along the axis.
    runs : tuple
        (start, length, label) of pixels that were painted by hand, by their position
        in the labels in C order.
    """

    kind: ActionKind
    plane: PlaneId
    ids: tuple[int, ...] = ()
    predicted_iou: tuple[float, ...] = ()
    model_digest: str = ""
    drawing: Drawing = field(default_factory=Drawing)
    drawings: tuple[Drawing, ...] = ()
    settings: AnswerSettings = field(default_factory=AnswerSettings)
    may_overwrite: bool = False
    replaced: int | None = None
    others: tuple[tuple[float, float], ...] = ()
    others_of_each: tuple[tuple[tuple[float, float], ...], ...] = ()
    class_id: int = 1
    filters: tuple[ReviewFilter | None, ReviewFilter] | None = None
    removed: tuple[int, ...] = ()
    axis: str = ""
    span: tuple[int, int] = (0, 0)
    runs: tuple[tuple[int, int, int], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the action as JSON values: what its kind needs."""
        written: dict[str, Any] = {
            "kind": str(self.kind),
            "plane_axes": "".join(self.plane.plane_axes),
            "index": dict(self.plane.index),
            "ids": list(self.ids),
        }
        for name in (*_FIELDS[self.kind], *self._rare_fields()):
            written[name] = _TO_JSON[name](getattr(self, name))
        return written

    @classmethod
    def from_json(cls, written: dict[str, Any]) -> Self:
        """Return what `to_json` wrote."""
        rows, columns = written["plane_axes"]
        index = tuple((str(k), int(v)) for k, v in written["index"].items())
        kind = ActionKind(written["kind"])
        names = [*_FIELDS[kind], *(name for name in _RARE_FIELDS if name in written)]
        fields = {name: _FROM_JSON[name](written[name]) for name in names}
        return cls(
            kind,
            PlaneId((rows, columns), index),
            tuple(int(number) for number in written["ids"]),
            **fields,
        )

    def _rare_fields(self) -> list[str]:
        return [name for name in _RARE_FIELDS if getattr(self, name)]


_RARE_FIELDS = ("others", "others_of_each")
"""Written only where they say something."""

_MADE = ("predicted_iou", "model_digest", "class_id")
_ASKED = ("settings", "may_overwrite")
_FIELDS: dict[ActionKind, tuple[str, ...]] = {
    ActionKind.ACCEPT: (*_MADE, *_ASKED, "drawing", "replaced"),
    ActionKind.PROMPTS: (*_MADE, *_ASKED, "drawings"),
    ActionKind.EVERYTHING: (*_MADE, "filters", "removed"),
    ActionKind.JUDGE: (),
    ActionKind.DELETE: (),
    ActionKind.MERGE: (),
    ActionKind.SPLIT: ("drawing",),
    ActionKind.CARRY: (*_MADE, "settings", "axis", "span"),
    ActionKind.PAINT: ("runs",),
}


def _same(value: Any) -> Any:
    return value


def points_of(written: Any) -> tuple[tuple[float, float], ...]:
    """Return points (K, 2), as an array or as JSON values, in numbers of Python."""
    return tuple((float(y), float(x)) for y, x in written)


def _points_to_json(points: Any) -> list[list[float]]:
    return [list(point) for point in points]


def _integers(values: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _settings_to_json(settings: AnswerSettings) -> dict[str, Any]:
    return {
        "size": str(settings.size),
        "others_are_out": settings.others_are_out,
        **asdict(settings.options),
    }


def _settings_from_json(written: dict[str, Any]) -> AnswerSettings:
    options = dict(written)
    size = MaskSize(options.pop("size"))
    are_out = bool(options.pop("others_are_out", False))
    return AnswerSettings(size, MaskOptions(**options), are_out)


def _filters_to_json(filters: Any) -> Any:
    return [None if one is None else asdict(one) for one in filters]


def _filters_from_json(written: Any) -> Any:
    return tuple(None if one is None else ReviewFilter(**one) for one in written)


def _drawing_to_json(drawing: Drawing) -> dict[str, Any]:
    return {
        "points": drawing.points.tolist(),
        "is_inside": drawing.is_inside.tolist(),
        "shapes": [
            {"kind": str(outline.kind), "vertices": outline.vertices.tolist()}
            for outline in drawing.outlines
        ],
    }


def _drawing_from_json(written: dict[str, Any]) -> Drawing:
    return Drawing(
        np.array(written["points"], dtype=float).reshape(-1, 2),
        np.array(written["is_inside"], dtype=bool),
        tuple(
            Outline(Kind(shape["kind"]), np.array(shape["vertices"], dtype=float))
            for shape in written["shapes"]
        ),
    )


_TO_JSON: dict[str, Callable[[Any], Any]] = {
    "predicted_iou": lambda iou: [
        None if math.isnan(v) else round(float(v), 4) for v in iou
    ],
    "model_digest": _same,
    "class_id": _same,
    "settings": _settings_to_json,
    "may_overwrite": _same,
    "drawing": _drawing_to_json,
    "drawings": lambda drawings: [_drawing_to_json(one) for one in drawings],
    "replaced": _same,
    "others": _points_to_json,
    "others_of_each": lambda each: [_points_to_json(points) for points in each],
    "filters": _filters_to_json,
    "removed": list,
    "axis": _same,
    "span": list,
    "runs": lambda runs: [list(run) for run in runs],
}
_FROM_JSON: dict[str, Callable[[Any], Any]] = {
    "predicted_iou": lambda iou: tuple(
        math.nan if v is None else float(v) for v in iou
    ),
    "model_digest": str,
    "class_id": int,
    "settings": _settings_from_json,
    "may_overwrite": bool,
    "drawing": _drawing_from_json,
    "drawings": lambda written: tuple(_drawing_from_json(one) for one in written),
    "replaced": lambda number: None if number is None else int(number),
    "others": points_of,
    "others_of_each": lambda each: tuple(points_of(points) for points in each),
    "filters": _filters_from_json,
    "removed": _integers,
    "axis": str,
    "span": _integers,
    "runs": lambda runs: tuple(_integers(run) for run in runs),
}
