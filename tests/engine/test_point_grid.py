import numpy as np
import pytest

from napari_segment_anything.engine.point_grid import (
    build_layer_grids,
    build_point_grid,
    crop_boxes,
    points_in_plane,
)


def test_grid_of_two_by_two():
    np.testing.assert_allclose(
        build_point_grid(2), [[0.25, 0.25], [0.25, 0.75], [0.75, 0.25], [0.75, 0.75]]
    )


def test_layers_are_thinner():
    assert [len(grid) for grid in build_layer_grids(32, 2, 2)] == [1024, 256, 64]
    assert [len(grid) for grid in build_layer_grids(2, 3, 4)] == [4, 1, 1, 1]


def test_one_point_lies_in_the_middle_of_the_plane():
    # A plane of three rows spans -0.5 to 2.5, its middle is row 1.
    np.testing.assert_allclose(points_in_plane(build_point_grid(1), (3, 5)), [[1, 2]])


def test_crops_of_sam_for_a_known_plane():
    # Reference: generate_crop_boxes((1000, 1500), 1, 512 / 1500) of SAM in (x, y):
    # overlap int(0.3413 * 1000) = 341, crops of 921 × 671.
    boxes = crop_boxes((1000, 1500), 1, 512 / 1500)
    assert boxes == [
        ((0, 0, 1000, 1500), 0),
        ((0, 0, 671, 921), 1),
        ((330, 0, 1000, 921), 1),
        ((0, 580, 671, 1500), 1),
        ((330, 580, 1000, 1500), 1),
    ]


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (64, 64), (501, 333)])
@pytest.mark.parametrize("n_layers", [0, 1, 2])
def test_each_layer_of_crops_covers_the_plane(shape, n_layers):
    covered = np.zeros((n_layers + 1, *shape), bool)
    for (y0, x0, y1, x1), layer in crop_boxes(shape, n_layers, 0.34):
        covered[layer, y0:y1, x0:x1] = True
    assert covered.all()
