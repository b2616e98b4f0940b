"""Where the proposal head of a model sees objects, and the points to prompt there."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import special

from napari_segment_anything.engine.geometry import FrameGeometry

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Proposals:
    """Dense maps of the proposal head at low resolution, without the padding.

    Parameters
    ----------
    foreground, boundary, centre : ndarray
        (l_h, l_w) float32 probabilities in 0..1.
    offsets : ndarray
        (2, l_h, l_w) float32 vector (dy, dx) from a pixel to the centre of its
        object, in low-resolution pixels.
    geometry : FrameGeometry
        Of the plane.
    low_res_size : int
        Side of the low-resolution masks, padding included.
    """

    foreground: FloatArray
    boundary: FloatArray
    centre: FloatArray
    offsets: FloatArray
    geometry: FrameGeometry
    low_res_size: int

    @classmethod
    def from_maps(cls, maps: FloatArray, geometry: FrameGeometry) -> Self:
        """Build proposals from the head's raw maps.

        Parameters
        ----------
        maps : ndarray
            (5, L, L) logits of foreground, boundary and centre, then offsets dy, dx.
        geometry : FrameGeometry
            Of the plane.
        """
        low_res_size = int(maps.shape[-1])
        height, width = geometry.low_res_shape(low_res_size)
        visible = maps[:, :height, :width]
        foreground, boundary, centre = special.expit(visible[:3])
        return cls(
            foreground=foreground,
            boundary=boundary,
            centre=centre,
            offsets=visible[3:5],
            geometry=geometry,
            low_res_size=low_res_size,
        )
