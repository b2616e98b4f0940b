"""Settings of linking, and their estimation from the movie itself."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.errors import InvalidSettingsError
from napari_segment_anything.tracking.motion import (
    FloatArray,
    global_displacement,
    mutual_nearest,
    neighbour_motion,
    regression_slope,
)
from napari_segment_anything.tracking.objects import FrameObjects, measure


@dataclass(frozen=True)
class LinkingSettings:
    """How objects may move, change and divide.

    Attributes
    ----------
    max_distance : float
        Farthest that an object may lie from where it is expected, in object
        diameters.
    motion_scale : float
        How far an object typically lies from where it is expected, in diameters.
    gap_frames : int
        For how many frames an object may be hidden and keep its id.
    division : bool
        Whether objects divide.
    division_cost : float
        Reluctance to call two new objects daughters; in units of the link cost.
    unlinked_cost : float
        Cost of ending a track and starting another in place of a link; a link that
        costs more is never made.
    persistence : float
        How much of its last displacement an object repeats, 0 (wanders) to 1 (flies).
    coherence : float
        How much of its neighbours' displacement an object shares, 0 to 1 (flow).
    area_scale : float
        How much an object's area typically changes from one frame to the next, as the
        logarithm of the ratio.

    Raises
    ------
    InvalidSettingsError
        If a value is out of its range.
    """

    max_distance: float = 2.0
    motion_scale: float = 0.2
    gap_frames: int = 2
    division: bool = True
    division_cost: float = 3.0
    unlinked_cost: float = 9.0
    persistence: float = 0.0
    coherence: float = 0.0
    area_scale: float = 0.35

    def __post_init__(self) -> None:
        for name in ("max_distance", "motion_scale", "unlinked_cost", "area_scale"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InvalidSettingsError(
                    f"{name} is {getattr(self, name)}, but must be above 0."
                )
        for name in ("persistence", "coherence"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidSettingsError(
                    f"{name} is {getattr(self, name)}, but must lie in 0..1."
                )
        if self.gap_frames < 0 or self.division_cost < 0:
            raise InvalidSettingsError(
                f"gap_frames ({self.gap_frames}) and division_cost "
                f"({self.division_cost}) must not be negative."
            )


def typical_diameter(objects: Sequence[FrameObjects]) -> float:
    """Median diameter of all objects, pixels; 1 when there are none."""
    filled = [frame.diameters for frame in objects if len(frame)]
    return float(np.median(np.concatenate(filled))) if filled else 1.0


def estimate_settings(
    frames: Sequence[MaskSet], *, n_pairs: int = 40
) -> LinkingSettings:
    """Estimate from the movie how far, how straight and how jointly objects move.

    Parameters
    ----------
    frames : sequence of MaskSet
        One a frame.
    n_pairs : int
        At most so many pairs of frames, spread over the movie, are looked at.

    Returns
    -------
    LinkingSettings
        The defaults where there is too little to learn from.
    """
    # Three consecutive frames are needed to see whether an object keeps its course.
    starts = np.unique(np.linspace(0, max(len(frames) - 3, 0), n_pairs).astype(int))
    measured = {
        t: measure(frames[t])
        for start in starts
        for t in range(start, min(start + 3, len(frames)))
    }
    return settings_from_objects([_window(measured, int(s)) for s in starts])


def _window(measured: dict[int, FrameObjects], start: int) -> list[FrameObjects]:
    return [measured[t] for t in range(start, start + 3) if t in measured]


def settings_from_objects(windows: Sequence[Sequence[FrameObjects]]) -> LinkingSettings:
    """Estimate settings from windows of two or three consecutive frames."""
    samples = [_sample(window) for window in windows if len(window) > 1]
    residual = np.concatenate([s[0] for s in samples]) if samples else np.zeros((0, 2))
    if len(residual) < 5:
        return LinkingSettings()
    field = np.concatenate([s[1] for s in samples])
    before = np.concatenate([s[2] for s in samples])
    is_known = np.isfinite(before).all(axis=1)
    coherence = regression_slope(field, residual)
    rest = residual - coherence * field
    persistence = regression_slope(before[is_known], rest[is_known])
    rest[is_known] -= persistence * before[is_known]
    distance = np.hypot(rest[:, 0], rest[:, 1])
    return LinkingSettings(
        max_distance=float(np.clip(6 * np.percentile(distance, 90), 1.5, 3.0)),
        motion_scale=float(np.clip(np.percentile(distance, 75), 0.1, 0.5)),
        persistence=persistence,
        coherence=coherence,
    )


def _sample(
    window: Sequence[FrameObjects],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Residual, neighbours' and previous displacement of sure links, in diameters."""
    scale = typical_diameter(window)
    steps = []
    for a, b in itertools.pairwise(window):
        shift = global_displacement(a.centroids, b.centroids, scale=scale)
        i, j = mutual_nearest(a.centroids + shift, b.centroids, 1.5 * scale)
        ratio = np.abs(np.log(b.areas[j] / a.areas[i]))
        # A pair of very different sizes is rather two objects than one.
        i, j = i[ratio < 0.5], j[ratio < 0.5]
        steps.append((i, j, (b.centroids[j] - a.centroids[i] - shift) / scale))
    i, _, residual = steps[-1]
    field = neighbour_motion(window[-2].centroids, i, residual)[i]
    previous = np.full((len(window[-2]), 2), np.nan)
    if len(steps) > 1:
        _, j_before, residual_before = steps[0]
        previous[j_before] = residual_before
    return residual, field, previous[i]
