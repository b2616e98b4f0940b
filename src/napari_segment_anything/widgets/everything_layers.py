"""What everything mode found, as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Tracks

from napari_segment_anything.widgets.narrator import count_objects
from napari_segment_anything.widgets.plane import offset_translate, transform_of
from napari_segment_anything.widgets.time_layers import why_no_paths

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.components import ViewerModel

    from napari_segment_anything.session.jobs import PlaneTracks
    from napari_segment_anything.session.review import Passing
    from napari_segment_anything.widgets.annotation_layers import AnnotationLayers
    from napari_segment_anything.widgets.annotator import Annotator

_TAIL_FRAMES = 8


def add_plane_objects(annotator: Annotator, found: Passing) -> str:
    """Write the objects of one plane into the results, where nothing is yet.

    Returns
    -------
    str
        What happened, for the status line.
    """
    annotator.reviser.found[found.candidates.plane] = found.candidates
    ids = annotator.editor.objects.fill(found, annotator.acceptance.class_id)
    n_left_out = len(found.new) - len(ids)
    already = f"; {n_left_out} were there already" if n_left_out else ""
    return f"Found {count_objects(len(found.new))}{already}."


def add_tracks(
    viewer: ViewerModel, layers: AnnotationLayers, found: PlaneTracks
) -> str:
    """Add tracked objects as a Labels and a Tracks layer of their own.

    Returns
    -------
    str
        What was found, for the status line.
    """
    result, image = found.result, layers.image
    labels = labels_on_layer(np.asarray(result.labels), found, layers.axes)
    # The channel that was tracked is the only one along its axis.
    start = np.array([_start(found, letter) for letter in layers.axes], dtype=float)
    place = {**transform_of(image), "translate": offset_translate(image, start)}
    viewer.add_layer(Labels(labels, name=f"{image.name} tracked", **place))
    seconds = sum(result.seconds.values())
    summary = (
        f"{count_objects(result.n_objects)} in {result.n_frames} frames, "
        f"{result.n_tracks} tracks, {result.n_divisions} divisions, {seconds:.0f} s."
    )
    if why := why_no_paths(layers.axes, result.axis):
        return f"{summary} {why}"
    if result.n_objects:
        data, graph, features = result.napari_tracks()
        tracks = Tracks(
            data_on_layer(data, found, layers.axes),
            graph=graph,
            features=features,
            tail_length=_TAIL_FRAMES,
            head_length=0,
            name=f"{image.name} tracks",
            **place,
        )
        viewer.add_layer(tracks)
    return summary


def labels_on_layer(
    labels: npt.NDArray[np.integer], found: PlaneTracks, axes: str
) -> npt.NDArray[np.integer]:
    """Bring tracked labels into the order of an image's axes.

    Parameters
    ----------
    labels : ndarray
        Along ``found.axes``.
    found : PlaneTracks
        Which axes these are.
    axes : str
        Axes of the image; one that the labels lack gets length one.
    """
    order = [found.axes.index(letter) for letter in axes if letter in found.axes]
    missing = tuple(n for n, letter in enumerate(axes) if letter not in found.axes)
    return np.expand_dims(labels.transpose(order), missing)


def data_on_layer(
    data: npt.NDArray[np.float64], found: PlaneTracks, axes: str
) -> npt.NDArray[np.float64]:
    """Bring the data of tracks into the order of an image's axes.

    Parameters
    ----------
    data : ndarray
        (n, 1 + axes) track id, then the position along each of ``found.axes``.
    found : PlaneTracks
        Which axes these are.
    axes : str
        Axes of the image; one that the tracks lack gets the position 0.
    """
    columns: list[Any] = [data[:, 0]]
    for letter in axes:
        is_there = letter in found.axes
        place = found.axes.index(letter) + 1 if is_there else 0
        columns.append(data[:, place] if is_there else np.zeros(len(data)))
    return np.stack(columns, axis=1)


def _start(found: PlaneTracks, letter: str) -> int:
    return 0 if letter in found.axes else found.plane.position(letter) or 0
