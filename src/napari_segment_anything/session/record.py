"""What was done to the labels of an image, as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from napari_segment_anything.errors import StorageError
from napari_segment_anything.session.answers import AnswerSettings, MaskSize
from napari_segment_anything.session.drawing import Drawing, Kind, Outline
from napari_segment_anything.session.mask_options import MaskOptions
from napari_segment_anything.session.planes import PlaneId

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT = "napari-segment-anything record"
_VERSION = 1


class ActionKind(StrEnum):
    """What can be done to labels."""

    ACCEPT = "accept"
    EVERYTHING = "everything"
    DELETE = "delete"
    PAINT = "paint"


@dataclass(frozen=True, eq=False)
class Action:
    """One change of the labels, with all that is needed to make it again.

    Parameters
    ----------
    kind : ActionKind
        What was done.
    plane : PlaneId
        Where.
    ids : tuple of int
        Ids of the objects that it made or took away.
    predicted_iou : tuple of float
        The model's own estimate for each of them.
    model_digest : str
        Digest of the weights; empty where no model was asked.
    drawing : Drawing
        What was drawn.
    settings : AnswerSettings
        Size of a single click, and how masks were cleaned.
    may_overwrite : bool
        Whether pixels of other objects could be taken.
    replaced : int or None
        Object that was open again.
    runs : list of list of int
        ``[start, length, label]`` of pixels that were painted by hand, by their
        position in the labels in C order.
    """

    kind: ActionKind
    plane: PlaneId
    ids: tuple[int, ...] = ()
    predicted_iou: tuple[float, ...] = ()
    model_digest: str = ""
    drawing: Drawing = field(default_factory=Drawing)
    settings: AnswerSettings = field(default_factory=AnswerSettings)
    may_overwrite: bool = False
    replaced: int | None = None
    runs: tuple[tuple[int, int, int], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the action as JSON values."""
        options = self.settings.options
        written: dict[str, Any] = {
            "kind": str(self.kind),
            "plane_axes": "".join(self.plane.plane_axes),
            "index": dict(self.plane.index),
            "ids": list(self.ids),
        }
        if self.kind == ActionKind.PAINT:
            written["runs"] = [list(run) for run in self.runs]
        if self.kind in (ActionKind.ACCEPT, ActionKind.EVERYTHING):
            written["predicted_iou"] = [
                None if math.isnan(iou) else round(iou, 4) for iou in self.predicted_iou
            ]
            written["model_digest"] = self.model_digest
        if self.kind == ActionKind.ACCEPT:
            written |= {
                "drawing": _drawing_to_json(self.drawing),
                "size": str(self.settings.size),
                "fill_holes": options.fill_holes,
                "keep_largest": options.keep_largest,
                "smooth": options.smooth,
                "may_overwrite": self.may_overwrite,
                "replaced": self.replaced,
            }
        return written

    @classmethod
    def from_json(cls, written: dict[str, Any]) -> Self:
        """Return what `to_json` wrote."""
        rows, columns = written["plane_axes"]
        index = tuple((str(k), int(v)) for k, v in written["index"].items())
        iou = written.get("predicted_iou", ())
        return cls(
            kind=ActionKind(written["kind"]),
            plane=PlaneId((rows, columns), index),
            ids=tuple(int(number) for number in written["ids"]),
            predicted_iou=tuple(math.nan if v is None else float(v) for v in iou),
            model_digest=str(written.get("model_digest", "")),
            drawing=_drawing_from_json(written.get("drawing", {})),
            settings=AnswerSettings(
                MaskSize(written.get("size", MaskSize.BEST)),
                MaskOptions(
                    bool(written.get("fill_holes", True)),
                    bool(written.get("keep_largest", False)),
                    int(written.get("smooth", 0)),
                ),
            ),
            may_overwrite=bool(written.get("may_overwrite", False)),
            replaced=written.get("replaced"),
            runs=tuple((int(a), int(b), int(c)) for a, b, c in written.get("runs", ())),
        )


@dataclass(frozen=True, eq=False)
class Record:
    """Everything that was done to the labels of one image, oldest first.

    Parameters
    ----------
    image : str
        Name of the image.
    axes : str
        One letter per dimension of the image, ``S`` last for RGB samples.
    shape : tuple of int
        Of the labels.
    actions : tuple of Action
        What was done and not undone.
    """

    image: str
    axes: str
    shape: tuple[int, ...]
    actions: tuple[Action, ...]

    def save(self, path: Path) -> None:
        """Write the record as JSON.

        Raises
        ------
        StorageError
            When the file cannot be written.
        """
        from napari_segment_anything.storage.atomic import storage_errors

        content = {
            "format": _FORMAT,
            "version": _VERSION,
            "image": self.image,
            "axes": self.axes,
            "shape": list(self.shape),
            "actions": [action.to_json() for action in self.actions],
        }
        with storage_errors(path):
            path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a record.

        Raises
        ------
        StorageError
            When the file cannot be read or is no record.
        """
        try:
            content = json.loads(path.read_text("utf-8"))
            if content["format"] != _FORMAT or content["version"] > _VERSION:
                raise ValueError("its format is another one")
            return cls(
                image=str(content["image"]),
                axes=str(content["axes"]),
                shape=tuple(int(n) for n in content["shape"]),
                actions=tuple(Action.from_json(a) for a in content["actions"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StorageError(
                f"{path} cannot be read as a record of objects: {error}. Choose a "
                "file that “Save record” wrote."
            ) from error

    def describe(self) -> str:
        """Return a sentence for the methods section of a paper."""
        kinds = [action.kind for action in self.actions]
        by_prompts = [a for a in self.actions if a.kind == ActionKind.ACCEPT]
        by_search = [a for a in self.actions if a.kind == ActionKind.EVERYTHING]
        n_prompted = len({i for action in by_prompts for i in action.ids})
        n_found = len({i for action in by_search for i in action.ids})
        iou = [v for a in by_prompts for v in a.predicted_iou if not math.isnan(v)]
        digests = sorted({a.model_digest[:12] for a in (*by_prompts, *by_search)})
        text = (
            f"{n_prompted} objects of {self.image} were segmented from prompts and "
            f"{n_found} in everything mode"
        )
        if digests:
            text += f" (weights {', '.join(digests)})"
        if iou:
            text += f"; predicted IoU of prompted masks: median {np.median(iou):.2f}"
        return (
            f"{text}; {kinds.count(ActionKind.PAINT)} strokes were painted by hand and "
            f"{kinds.count(ActionKind.DELETE)} objects deleted."
        )


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
        np.array(written.get("points", []), dtype=float).reshape(-1, 2),
        np.array(written.get("is_inside", []), dtype=bool),
        tuple(
            Outline(Kind(shape["kind"]), np.array(shape["vertices"], dtype=float))
            for shape in written.get("shapes", ())
        ),
    )
