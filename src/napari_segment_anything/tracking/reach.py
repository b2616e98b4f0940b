"""Which objects depend on one of them that has been corrected."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.mask_set import MaskSet

# A correction matters for links as far as they reach, in diameters of what is there.
REACH_DIAMETERS = 2.0


@dataclass(frozen=True, eq=False)
class Reach:
    """A part of a movie around an object, the wider the farther in time.

    Parameters
    ----------
    frame : int
        Frame of the object.
    centre : (2,) array
        Where it is, (y, x) in pixels; infinite where there is none.
    """

    frame: int
    centre: npt.NDArray[np.float64]

    def holds(self, frame: int, masks: MaskSet) -> npt.NDArray[np.bool_]:
        """Tell which masks of a frame lie within, (n,)."""
        centres = np.asarray(masks.centroids, np.float64).reshape(-1, 2)
        diameters = np.sqrt(4 * np.maximum(masks.areas, 1) / np.pi)
        reach = REACH_DIAMETERS * diameters * (1 + abs(frame - self.frame) / 2)
        is_within: npt.NDArray[np.bool_] = np.hypot(*(centres - self.centre).T) <= reach
        return is_within
