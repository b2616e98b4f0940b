"""What everything mode found, as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_segment_anything.session.objects import PlanePrompts
from napari_segment_anything.widgets.annotator import count_objects
from napari_segment_anything.widgets.result_layers import Painting, keep_free_objects

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_segment_anything.session.jobs import PlaneLabels, PlaneTracks
    from napari_segment_anything.widgets.annotation_layers import AnnotationLayers
    from napari_segment_anything.widgets.annotator import Annotator


def add_plane_labels(annotator: Annotator, found: PlaneLabels) -> str:
    """Write the objects of one plane into the results, where nothing is yet.

    Returns
    -------
    str
        What happened, for the status line.
    """
    results, session = annotator.layers.results, annotator.session
    height, width = found.labels.shape
    present = results.read(found.plane, (slice(0, height), slice(0, width)))
    commit, ids = results.paint(
        Painting(0, 0, keep_free_objects(found.labels, present)),
        found.plane,
        PlanePrompts(),
        first_id=session.objects.next_id,
    )
    if commit is not None:
        annotator.layers.add(results.layer)
        session.accept(commit, {}, found.model_digest)
    n_found = int(found.labels.max(initial=0))
    n_left_out = n_found - len(ids)
    already = f"; {n_left_out} were there already" if n_left_out else ""
    return f"Found {count_objects(n_found)}{already}."


def add_tracks(
    viewer: ViewerModel, layers: AnnotationLayers, found: PlaneTracks
) -> str:
    """Add tracked objects as a Labels and a Tracks layer of their own."""
    raise NotImplementedError
