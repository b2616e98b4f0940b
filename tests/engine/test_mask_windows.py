"""Masks in groups of windows of one shape."""

import numpy as np
import pytest

from napari_segment_anything.engine import mask_windows as module
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.mask_windows import mask_windows


def boxes_of(n, side=64):
    rng = np.random.default_rng(1)
    corners = np.sort(rng.integers(0, side + 1, (n, 2, 2)), axis=1)
    corners[:, 1] = np.maximum(corners[:, 1], corners[:, 0] + 1)
    corners = np.minimum(corners, side)
    corners[:, 0] = np.minimum(corners[:, 0], side - 1)
    return corners.reshape(n, 4)


@pytest.mark.parametrize("shape", [(1024, 1024), (700, 90), (64, 256), (30, 50)])
def test_each_mask_lies_in_one_window_whole(shape, monkeypatch):
    monkeypatch.setattr(module, "_PIXELS_OF_A_GROUP", 0)
    geometry, boxes = FrameGeometry(shape, 256), boxes_of(60)
    groups = mask_windows(boxes, geometry, 64)
    assert sorted(np.concatenate([g.which for g in groups])) == list(range(60))
    rows, columns = geometry.upscaling_matrices(64)
    for group in groups:
        for number, (top, left) in zip(group.which, group.corners, strict=True):
            y0, x0, y1, x1 = boxes[number]
            for matrix, (first, last), start, length in (
                (rows, (y0, y1), top, group.shape[0]),
                (columns, (x0, x1), left, group.shape[1]),
            ):
                seen = matrix[:, first:last].any(1).nonzero()
                if not len(seen):  # in the padding of the frame
                    continue
                assert seen.min() >= start >= 0
                assert seen.max() < start + length <= len(matrix)


def test_small_masks_take_small_windows_unless_they_are_few():
    geometry = FrameGeometry((1024, 1024), 1024)
    small = np.tile([[10, 10, 20, 20]], (200, 1))
    (group,) = mask_windows(small, geometry, 256)
    assert group.shape == (64, 64)
    # One is upscaled in the whole plane; to do so with the others would take long.
    large = np.vstack([small, [[0, 0, 256, 256]]])
    groups = mask_windows(large, geometry, 256)
    assert [(len(g), g.shape) for g in groups] == [(200, (64, 64)), (1, (1024, 1024))]
    assert [g.are_whole for g in groups] == [False, True]
    # A group of its own for a few takes longer than larger windows.
    middle = np.vstack([small, [[0, 0, 30, 30]]])
    (group,) = mask_windows(middle, geometry, 256)
    assert group.shape == (128, 128)


def test_parts_hold_so_many_pixels():
    geometry = FrameGeometry((1024, 1024), 1024)
    (group,) = mask_windows(np.tile([[10, 10, 20, 20]], (10, 1)), geometry, 256)
    parts = list(group.parts(4 * 64**2 + 1))
    assert [part.which.tolist() for part in parts] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]
    assert [len(part) for part in group.parts(1)] == [1] * 10
