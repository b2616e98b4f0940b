"""Make the labels of a record again, without a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.errors import CheckpointError, InvalidImageError
from napari_segment_anything.session.answers import answer_with
from napari_segment_anything.session.commits import Canvas, Commit
from napari_segment_anything.session.jobs import everything_job
from napari_segment_anything.session.objects import ObjectRegister
from napari_segment_anything.session.painting import keep_free_objects
from napari_segment_anything.session.pixel_edit import PixelEdit
from napari_segment_anything.session.record import ActionKind
from napari_segment_anything.session.requests import MaskRequest

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy.typing as npt

    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.planes import PlaneSource
    from napari_segment_anything.session.record import Action, Record
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
    labels: Labels = np.zeros(shape, dtype=np.int32)
    objects = ObjectRegister()
    for done, action in enumerate(record.actions):
        yield Progress("replay", done, len(record.actions))
        if action.model_digest not in ("", predictor.model_digest):
            raise CheckpointError(
                f"The record was made with the weights {action.model_digest[:12]} …, "
                f"not with {predictor.model_digest[:12]} …; load that model."
            )
        if action.kind == ActionKind.PAINT:
            _write(PixelEdit.from_runs(action.runs, labels), labels)
            for _, _, label in action.runs:
                objects.reserve(label)
            continue
        commit = _commit_of(action, labels, axes, objects, source, predictor, store)
        if commit is not None:
            _write(commit.pixels, labels)
            objects.change(commit.objects)
    yield Progress("replay", len(record.actions), len(record.actions))
    return labels


def _commit_of(
    action: Action,
    labels: Labels,
    axes: str,
    objects: ObjectRegister,
    source: PlaneSource,
    predictor: MaskPredictor,
    store: EmbeddingStore,
) -> Commit | None:
    plane = action.plane

    def read(slices: tuple[slice, slice]) -> Labels:
        key: list[int | slice] = [plane.position(letter) or 0 for letter in axes]
        for letter, part in zip(plane.plane_axes, slices, strict=True):
            key[axes.index(letter)] = part
        part_of_plane: Labels = labels[tuple(key)]
        return part_of_plane

    canvas = Canvas(plane, axes, read, objects)
    # Ids go on from where they were, whatever was undone in between.
    fresh = [number for number in action.ids if number != action.replaced]
    if fresh:
        objects.continue_from(min(fresh))
    if action.kind == ActionKind.DELETE:
        return canvas.delete(action.ids[0], source.plane_shape(plane))
    if action.kind == ActionKind.EVERYTHING:
        job = everything_job(source, plane, predictor, store)
        while True:
            try:
                next(job)
            except StopIteration as stop:
                found = stop.value
                break
        height, width = found.masks.shape
        present = read((slice(0, height), slice(0, width)))
        free = keep_free_objects(found.masks, present)
        return canvas.add_found(free, model_digest=found.model_digest)
    request = MaskRequest(0, source, plane, action.drawing.prompts)
    response = answer_with(request, predictor, store, action.settings)
    if response.masks is None:
        return None
    return canvas.accept(
        response.masks,
        action.drawing,
        action.settings,
        model_digest=response.model_digest,
        may_overwrite=action.may_overwrite,
        replaced=action.replaced,
    )


def _write(edit: PixelEdit, labels: Labels) -> None:
    labels[edit.index] = edit.after
