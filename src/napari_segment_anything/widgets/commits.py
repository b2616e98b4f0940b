"""Masks become objects: painted into the results and remembered by the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_segment_anything.widgets.result_layers import Painting

if TYPE_CHECKING:
    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.objects import PlanePrompts
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.session import Session
    from napari_segment_anything.widgets.annotation_layers import AnnotationLayers


def commit_masks(
    layers: AnnotationLayers,
    session: Session,
    masks: MaskSet,
    *,
    plane: PlaneId,
    prompts: PlanePrompts,
    model_digest: str,
    may_overwrite: bool = False,
) -> list[int]:
    """Paint masks as new objects, in one step that can be undone.

    Parameters
    ----------
    layers : AnnotationLayers
        Where to paint; a result layer that was deleted comes back.
    session : Session
        Hands out ids and remembers the step.
    masks : MaskSet
        The new objects.
    plane : PlaneId
        Where they lie.
    prompts : PlanePrompts
        What was drawn for them.
    model_digest : str
        Digest of the weights that made the masks.
    may_overwrite : bool, optional
        Whether pixels of other objects may be taken.

    Returns
    -------
    list of int
        Ids of the objects that have at least one pixel.
    """
    commit, ids = layers.results.paint(
        Painting.of_masks(masks),
        plane,
        prompts,
        first_id=session.objects.next_id,
        may_overwrite=may_overwrite,
    )
    if commit is None:
        return []
    layers.add(layers.results.layer)
    scores = {i: float(masks.predicted_iou[n - 1]) for n, i in ids.items()}
    session.accept(commit, scores, model_digest)
    return list(ids.values())
