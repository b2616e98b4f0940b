"""Which parts of a predicted mask the user meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    import numpy.typing as npt


def keep_prompted_regions(
    mask: npt.NDArray[np.bool_], points: npt.NDArray[np.floating]
) -> npt.NDArray[np.bool_]:
    """Drop islands that nobody pointed at.

    Masks of a decoder often have a few stray pixels far from the object. Regions that
    hold an inside point stay, and without any such region the largest one. Regions
    touch by sides or corners.

    Parameters
    ----------
    mask : ndarray
        (H, W) boolean.
    points : ndarray
        (P, 2) inside points as (y, x) in pixels of the mask.
    """
    regions, n_regions = ndimage.label(mask, structure=np.ones((3, 3)))
    if n_regions <= 1:
        return mask
    pixels = np.rint(points).astype(int).reshape(-1, 2)
    is_there = ((pixels >= 0) & (pixels < mask.shape)).all(axis=1)
    kept = np.unique(regions[tuple(pixels[is_there].T)])
    kept = kept[kept > 0]
    if len(kept) == 0:
        kept = np.array([np.bincount(regions.ravel())[1:].argmax() + 1])
    prompted: npt.NDArray[np.bool_] = np.isin(regions, kept)
    return prompted
