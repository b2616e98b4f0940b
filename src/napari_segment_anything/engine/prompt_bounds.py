"""Prompts at the edges of planes and windows."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.prompts import INSIDE, PADDING, Prompts
from napari_segment_anything.errors import InvalidPromptError

FloatArray = npt.NDArray[np.float32]


def within_plane(prompts: Prompts, plane_shape: tuple[int, int]) -> Prompts:
    """Clip boxes that reach over the edges of a plane.

    Raises
    ------
    InvalidPromptError
        When a point or a whole box lies outside of the plane.
    """
    last = np.subtract(plane_shape, 1).astype(np.float32)
    if prompts.points is not None and prompts.point_labels is not None:
        used = prompts.points[prompts.point_labels != PADDING]
        # Half a pixel beyond the outer centres still lies on the outer pixels.
        if ((used < -0.5) | (used > last + 0.5)).any():
            raise InvalidPromptError(
                f"A point lies outside of the plane of {plane_shape[0]} × "
                f"{plane_shape[1]} pixels; move or delete it."
            )
    if prompts.boxes is None:
        return prompts
    starts, ends = prompts.boxes[:, :2], prompts.boxes[:, 2:]
    if (ends < -0.5).any() or (starts > last + 0.5).any():
        raise InvalidPromptError(
            f"A box lies outside of the plane of {plane_shape[0]} × "
            f"{plane_shape[1]} pixels; move or delete it."
        )
    clipped = np.hstack(
        [np.clip(corners, -0.5, last + 0.5) for corners in (starts, ends)]
    )
    return replace(prompts, boxes=clipped)


def within_window(prompts: Prompts, shape: tuple[int, int]) -> Prompts:
    """Ignore points and clip boxes beyond a window."""
    points, labels, boxes = prompts.points, prompts.point_labels, prompts.boxes
    last = np.subtract(shape, 1)
    if points is not None and labels is not None:
        is_inside = np.all([points >= -0.5, points <= last + 0.5], axis=(0, -1))
        labels = np.where(is_inside, labels, PADDING)
        points = np.where(is_inside[..., np.newaxis], points, 0).astype(np.float32)
    if boxes is not None:
        boxes = np.clip(boxes, -0.5, np.tile(last, 2) + 0.5).astype(np.float32)
    return Prompts(points=points, point_labels=labels, boxes=boxes)


def corners_of(prompts: Prompts) -> FloatArray:
    """Two corners (N, 2, 2) of the box, or of the points inside, of each prompt."""
    if prompts.boxes is not None:
        corners: FloatArray = prompts.boxes.reshape(-1, 2, 2)
        return corners
    if prompts.points is None or prompts.point_labels is None:
        return np.zeros((prompts.n_objects, 2, 2), np.float32)
    is_inside = prompts.point_labels == INSIDE
    # A prompt of points outside only: where they are.
    is_inside |= ~is_inside.any(axis=1, keepdims=True) & (
        prompts.point_labels != PADDING
    )
    counted = is_inside[..., np.newaxis]
    low = np.where(counted, prompts.points, np.inf).min(axis=1)
    high = np.where(counted, prompts.points, -np.inf).max(axis=1)
    stacked = np.stack([low, high], axis=1)
    return np.where(np.isfinite(stacked), stacked, 0).astype(np.float32)
