"""Where the proposal head of a model sees objects, and the points to prompt there."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy

from napari_segment_anything.engine.geometry import FrameGeometry

FloatArray = npt.NDArray[np.float32]

# In low-resolution pixels: centres closer than this are one, ...
_MIN_DISTANCE = 2
# ... a centre farther than this from all foreground is a false one, ...
_MAX_MOVE = 6.0
# ... a pixel that points farther than this past all points belongs to none, ...
_MAX_VOTE_ERROR = 12.0
# ... and about fifteen pixels that agree on a centre give this density at its peak.
_MIN_VOTE_DENSITY = 1.0


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
        foreground, boundary, centre = scipy.special.expit(visible[:3])
        return cls(
            foreground=foreground,
            boundary=boundary,
            centre=centre,
            offsets=visible[3:5],
            geometry=geometry,
            low_res_size=low_res_size,
        )

    def votes(self) -> FloatArray:
        """Sum of the foreground pixels that point to each low-resolution pixel."""
        y, x, targets = self._foreground_votes()
        height, width = self.foreground.shape
        rows, columns = np.rint(targets).astype(np.intp).T
        lands = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        votes = np.bincount(
            rows[lands] * width + columns[lands],
            weights=self.foreground[y[lands], x[lands]],
            minlength=height * width,
        )
        return votes.reshape(height, width).astype(np.float32)

    def regions(self, points: FloatArray) -> npt.NDArray[np.int32]:
        """Which foreground pixels point to which of the prompted places.

        Parameters
        ----------
        points : ndarray
            (n, 2) points (y, x) in plane pixels, usually from `prompt_points`.

        Returns
        -------
        ndarray
            (l_h, l_w) int32 at low resolution: position of the nearest point + 1, and
            0 for ground and for pixels that point to none of the places.
        """
        regions = np.zeros(self.foreground.shape, np.int32)
        y, x, targets = self._foreground_votes()
        if len(points) and len(y):
            centres = self.geometry.points_to_low_res(points, self.low_res_size)
            distance, nearest = scipy.spatial.KDTree(centres).query(targets)
            regions[y, x] = np.where(distance <= _MAX_VOTE_ERROR, nearest + 1, 0)
        return regions

    def diameters(self, threshold: float = 0.3) -> FloatArray:
        """Diameters (n,), in plane pixels, of circles as large as the objects seen.

        Parameters
        ----------
        threshold : float
            Least probability of a centre, 0..1.
        """
        regions = self.regions(self.prompt_points(threshold))
        areas = np.bincount(regions.ravel())[1:]
        scale = self.geometry.scale * self.low_res_size / self.geometry.frame_size
        diameters = 2 * np.sqrt(areas[areas > 0] / np.pi) / scale
        return np.asarray(diameters, np.float32)

    def _foreground_votes(
        self,
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]:
        """Rows and columns (m,) of foreground pixels, and where (m, 2) they point."""
        y, x = np.nonzero(self.foreground > 0.5)
        targets = np.stack([y, x], axis=1) + self.offsets[:, y, x].T
        return y, x, targets.astype(np.float32)

    def prompt_points(self, threshold: float) -> FloatArray:
        """Points to prompt, one for each object that the head sees.

        Peaks of the centre map, and places that many foreground pixels point to, in
        case that the centre map misses an object. A centre that lies outside of its
        object (a crescent) is replaced by the nearest foreground pixel.

        Parameters
        ----------
        threshold : float
            Least probability of a centre, 0..1.

        Returns
        -------
        ndarray
            (n, 2) float32 points (y, x) in plane pixels, most certain first.
        """
        heat = scipy.ndimage.gaussian_filter(self.centre, 1.0)
        # A smoothed peak is lower than the probability that the threshold speaks of.
        certain = _peaks(heat) & (
            scipy.ndimage.maximum_filter(self.centre, size=3) > threshold
        )
        smooth_votes = scipy.ndimage.gaussian_filter(self.votes(), 1.5)
        voted = _peaks(smooth_votes) & (smooth_votes > _MIN_VOTE_DENSITY)
        covered = scipy.ndimage.binary_dilation(certain, iterations=_MIN_DISTANCE)
        certainty = np.where(certain, 1 + heat, 0) + np.where(
            voted & ~covered, smooth_votes / (1 + smooth_votes), 0
        )
        peaks = np.argwhere(certainty > 0)
        order = np.argsort(-certainty[tuple(peaks.T)], kind="stable")
        peaks = self._onto_foreground(peaks[order])
        points = self.geometry.points_from_low_res(peaks, self.low_res_size)
        last = np.subtract(self.geometry.plane_shape, 1)
        return np.clip(points, 0, last).astype(np.float32)

    def _onto_foreground(self, peaks: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        is_ground = self.foreground <= 0.5
        if is_ground.all():
            return peaks[:0]
        nearest = scipy.ndimage.distance_transform_edt(
            is_ground, return_distances=False, return_indices=True
        )
        moved = nearest[:, peaks[:, 0], peaks[:, 1]].T
        distance = np.hypot(*(moved - peaks).T)
        return np.asarray(moved[distance <= _MAX_MOVE])


def _peaks(values: FloatArray) -> npt.NDArray[np.bool_]:
    """Local maxima, one pixel for each plateau."""
    side = 2 * _MIN_DISTANCE + 1
    is_peak = (values == scipy.ndimage.maximum_filter(values, size=side)) & (values > 0)
    plateaus, n_plateaus = scipy.ndimage.label(is_peak, structure=np.ones((3, 3)))
    peaks: npt.NDArray[np.bool_] = np.zeros(values.shape, dtype=bool)
    if n_plateaus:
        first = scipy.ndimage.maximum_position(
            is_peak, plateaus, range(1, n_plateaus + 1)
        )
        peaks[tuple(np.asarray(first).T)] = True
    return peaks
