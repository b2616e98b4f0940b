"""Label images with track ids."""

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.mask_set import MaskSet


def paint_tracks(
    mask_set: MaskSet,
    track_ids: npt.ArrayLike,
    shape: tuple[int, int] | None = None,
) -> npt.NDArray[np.int32]:
    """Paint the objects of one frame with the ids of their tracks.

    Where masks overlap the smaller one is seen, so that no object vanishes under a
    larger one.

    Parameters
    ----------
    mask_set : MaskSet
        n objects.
    track_ids : (n,) array of int
        Id of each object's track; objects with 0 are left out.
    shape : (H, W), optional
        That of the mask set by default.

    Returns
    -------
    (H, W) int32 array
        0 where there is no object.

    Raises
    ------
    ValueError
        If there are not as many ids as objects.
    """
    ids = np.asarray(track_ids, dtype=np.int32).reshape(-1)
    if len(ids) != len(mask_set):
        raise ValueError(
            f"There are {len(ids)} track ids for {len(mask_set)} objects; "
            "give one for each."
        )
    labels = np.zeros(mask_set.shape if shape is None else shape, dtype=np.int32)
    for k in np.argsort(-mask_set.areas, kind="stable"):
        if ids[k]:
            labels[mask_set.slices(int(k))][mask_set.masks[k]] = ids[k]
    return labels
