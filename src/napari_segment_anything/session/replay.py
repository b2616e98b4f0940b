"""Make the labels of a record again, without a window."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.batch.progress import Progress, run
from napari_segment_anything.errors import CheckpointError, InvalidImageError
from napari_segment_anything.session import rework
from napari_segment_anything.session.actions import ActionKind
from napari_segment_anything.session.answers import answer_with
from napari_segment_anything.session.carry import carry_job, known_slices
from napari_segment_anything.session.commits import Canvas, carried
from napari_segment_anything.session.filling import fill
from napari_segment_anything.session.jobs import everything_job
from napari_segment_anything.session.object_register import ObjectRegister
from napari_segment_anything.session.pixel_edit import PixelEdit
from napari_segment_anything.session.prompt_jobs import prompt_many_job
from napari_segment_anything.session.requests import MaskRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import numpy.typing as npt

    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.actions import Action
    from napari_segment_anything.session.commits import Commit
    from napari_segment_anything.session.planes import PlaneId, PlaneSource
    from napari_segment_anything.session.record import Record
    from napari_segment_anything.session.review import Candidates
    from napari_segment_anything.storage.embedding_store import EmbeddingStore

    Labels = npt.NDArray[np.int32]


def replay(
    record: Record,
    source: PlaneSource,
    predictor: MaskPredictor,
    store: EmbeddingStore,
) -> Generator[Progress, None, Labels]:
    """Do everything again that a record says.

    Parameters
    ----------
    record : Record
        What was done.
    source : PlaneSource
        The same image.
    predictor : MaskPredictor
        The same model.
    store : EmbeddingStore
        Where embeddings are found or put.

    Yields
    ------
    Progress
        Stage ``"replay"``, one step an action.

    Returns
    -------
    ndarray
        Labels, int32, of the shape of the record.

    Raises
    ------
    InvalidImageError
        When the image has another shape than the one of the record.
    CheckpointError
        When the weights are others.
    SegmentAnythingError
        When a plane cannot be read.
    """
    axes = source.axes.removesuffix("S")
    shape = tuple(int(n) for n in source.data.shape[: len(axes)])
    if shape != record.shape:
        raise InvalidImageError(
            f"The record is of an image of shape {record.shape}, this one has {shape}; "
            "open the image that was annotated."
        )
    # What the model saw then, whatever is said of the image now.
    source = replace(source, pixel_sizes=record.pixel_sizes)
    table = _Table(source, axes, predictor, store, np.zeros(shape, dtype=np.int32))
    for done, action in enumerate(record.actions):
        yield Progress("replay", done, len(record.actions))
        if action.model_digest not in ("", predictor.model_digest):
            raise CheckpointError(
                f"The record was made with the weights {action.model_digest[:12]} …, "
                f"not with {predictor.model_digest[:12]} …; load that model."
            )
        table.do(action)
    yield Progress("replay", len(record.actions), len(record.actions))
    return table.labels


class _Table:
    """Labels and objects while a record is replayed."""

    def __init__(
        self,
        source: PlaneSource,
        axes: str,
        predictor: MaskPredictor,
        store: EmbeddingStore,
        labels: Labels,
    ) -> None:
        self.labels = labels
        self._source = source
        self._axes = axes
        self._model = predictor, store
        self._objects = ObjectRegister()
        self._candidates: dict[PlaneId, Candidates] = {}
        self._making: dict[ActionKind, Callable[[Action], Commit | None]] = {
            ActionKind.ACCEPT: self._accept,
            ActionKind.PROMPTS: self._prompts,
            ActionKind.EVERYTHING: self._everything,
            ActionKind.CARRY: self._carry,
            ActionKind.JUDGE: lambda a: rework.confirm(self._canvas(a.plane), a.ids[0]),
            ActionKind.DELETE: lambda a: rework.delete(self._canvas, a.plane, a.ids[0]),
            ActionKind.MERGE: lambda a: rework.merge(self._canvas, a.plane, a.ids),
            ActionKind.SPLIT: lambda a: rework.split(
                self._canvas(a.plane), a.ids[0], a.drawing
            ),
        }

    def do(self, action: Action) -> None:
        """Do one action again."""
        if action.kind == ActionKind.PAINT:
            edit = PixelEdit.from_runs(action.runs, self.labels)
            self._objects.note_painted(edit, self._axes, action.plane)
            self._write(edit)
            return
        # Ids go on from where they were, whatever was undone in between.
        fresh = [n for n in action.ids if n not in self._objects]
        if fresh:
            self._objects.continue_from(min(fresh))
        commit = self._making[action.kind](action)
        if commit is not None:
            self._write(commit.pixels)
            self._objects.change(commit.objects)

    def _accept(self, action: Action) -> Commit | None:
        others = np.array(action.others, dtype=float).reshape(-1, 2)
        prompts = replace(action.drawing.prompts, others=others)
        request = MaskRequest(0, self._source, action.plane, prompts)
        response = answer_with(request, *self._model, action.settings)
        if response.masks is None:
            return None
        return self._canvas(action.plane).accept(
            response.masks,
            action.drawing,
            action.settings,
            model_digest=response.model_digest,
            may_overwrite=action.may_overwrite,
            replaced=action.replaced,
            others=others,
            class_id=action.class_id,
        )

    def _prompts(self, action: Action) -> Commit | None:
        drawn = {action.plane: action.drawings}
        others = {
            action.plane: [
                np.array(points, dtype=float).reshape(-1, 2)
                for points in action.others_of_each
            ]
        }
        job = prompt_many_job(
            self._source, drawn, *self._model, action.settings, others
        )
        (answered,) = run(job)
        return self._canvas(action.plane).accept_many(
            answered,
            may_overwrite=action.may_overwrite,
            class_id=action.class_id,
        )

    def _everything(self, action: Action) -> Commit | None:
        if action.filters is None:
            return None
        before, after = action.filters
        if action.plane not in self._candidates:
            job = everything_job(self._source, action.plane, *self._model)
            self._candidates[action.plane] = run(job).candidates
        passing = self._candidates[action.plane].passing(after, before)
        return fill(self._canvas(action.plane), passing, class_id=action.class_id)

    def _carry(self, action: Action) -> Commit | None:
        known = known_slices(self._canvas, action.plane, action.ids[0], action.axis)
        job = carry_job(
            self._source,
            known,
            action.axis,
            action.span,
            *self._model,
            action.settings.options,
        )
        masks = run(job).masks
        canvases = [(self._canvas(plane), mask) for plane, mask in masks.items()]
        return carried(canvases, action)

    def _canvas(self, plane: PlaneId) -> Canvas:
        def read(slices: tuple[slice, slice]) -> Labels:
            key: list[int | slice] = [plane.position(x) or 0 for x in self._axes]
            for letter, part in zip(plane.plane_axes, slices, strict=True):
                key[self._axes.index(letter)] = part
            part_of_plane: Labels = self.labels[tuple(key)]
            return part_of_plane

        shape = self._source.plane_shape(plane)
        return Canvas(plane, self._axes, shape, read, self._objects)

    def _write(self, edit: PixelEdit) -> None:
        self.labels[edit.index] = edit.after
