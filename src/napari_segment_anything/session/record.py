"""What was done to the labels of an image, as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from napari_segment_anything.errors import StorageError
from napari_segment_anything.session.actions import Action, ActionKind

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT = "napari-segment-anything record"
_VERSION = 2


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
    pixel_sizes : tuple of float, optional
        Length of a pixel along each axis but ``S``; empty where all are alike.
    """

    image: str
    axes: str
    shape: tuple[int, ...]
    actions: tuple[Action, ...]
    pixel_sizes: tuple[float, ...] = ()

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
            "pixel_sizes": list(self.pixel_sizes),
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
            if content["format"] != _FORMAT or content["version"] != _VERSION:
                raise ValueError("its format is another one")
            return cls(
                image=str(content["image"]),
                axes=str(content["axes"]),
                shape=tuple(int(n) for n in content["shape"]),
                actions=tuple(Action.from_json(a) for a in content["actions"]),
                # Records of before have none: all pixels counted as square.
                pixel_sizes=tuple(float(n) for n in content.get("pixel_sizes", ())),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StorageError(
                f"{path} cannot be read as a record of objects: {error}. Choose a "
                "file that “Save record” wrote."
            ) from error

    def describe(self) -> str:
        """Return a sentence or two for the methods section of a paper."""
        found = self._ids(ActionKind.EVERYTHING)
        found -= {i for action in self.actions for i in action.removed}
        prompted = self._ids(ActionKind.ACCEPT, ActionKind.PROMPTS) - found
        parts = [f"{_count(len(prompted), 'object')} of {self.image} from prompts"]
        if found:
            parts.append(f"{len(found)} in everything mode")
        text = f"{' and '.join(parts)} were segmented with Segment Anything"
        digests = sorted({a.model_digest[:12] for a in self.actions} - {""})
        if digests:
            text += f" (weights {', '.join(digests)})"
        accepts = [a for a in self.actions if a.kind == ActionKind.ACCEPT]
        iou = [v for a in accepts for v in a.predicted_iou if not math.isnan(v)]
        if iou:
            text += f"; predicted IoU of prompted masks: median {np.median(iou):.2f}"
        return f"{text}.{self._of_review(found)}{self._by_hand()}"

    def _of_review(self, found: set[int]) -> str:
        if not found:
            return ""
        edited = {a.replaced for a in self.actions if a.replaced is not None} & found
        rejected = self._ids(ActionKind.DELETE) & found
        accepted = (self._ids(ActionKind.JUDGE) & found) - edited - rejected
        verb = "was" if len(accepted) == 1 else "were"
        return (
            f" Of those found in everything mode, {len(accepted)} {verb} confirmed, "
            f"{len(edited)} edited and {len(rejected)} rejected by a person."
        )

    def _by_hand(self) -> str:
        kinds = [action.kind for action in self.actions]
        done = [
            f"{_count(kinds.count(kind), noun)} {verb}"
            for kind, noun, verb in (
                (ActionKind.PAINT, "stroke", "painted"),
                (ActionKind.DELETE, "object", "deleted"),
                (ActionKind.MERGE, "time", "merged"),
                (ActionKind.SPLIT, "object", "split"),
                (ActionKind.CARRY, "object", "carried to neighbouring planes"),
            )
            if kind in kinds
        ]
        return f" By hand: {', '.join(done)}." if done else ""

    def _ids(self, *kinds: ActionKind) -> set[int]:
        return {
            i for action in self.actions if action.kind in kinds for i in action.ids
        }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
