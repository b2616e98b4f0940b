"""Synthetic planes, and the shapes they are made of."""

import numpy as np
import pytest

pytest.importorskip("skimage")
from skimage.measure import label
from training.synthetic import KINDS, make_synthetic_plane, make_synthetic_planes
from training.synthetic_shapes import edge_distance, keep_whole, smooth_noise, warp


@pytest.fixture(scope="module")
def planes():
    return make_synthetic_planes(2 * len(KINDS), seed=3)


def test_every_kind_occurs(planes):
    assert {plane.name.split(":")[0] for plane in planes} == set(KINDS)
    assert {plane.set_name for plane in planes} == {"synthetic"}


def test_labels_fit_the_image(planes):
    for plane in planes:
        assert plane.image.shape == (*plane.labels.shape, 3)
        assert all(256 <= side <= 512 for side in plane.labels.shape)


def test_objects_are_connected_and_not_specks(planes):
    for plane in planes:
        ids = np.unique(plane.labels)
        assert 2 <= ids[-1] <= 150, plane.name
        assert np.bincount(plane.labels.ravel())[ids[ids > 0]].min() >= 20, plane.name
        for i in ids[ids > 0]:
            _, n_pieces = label(plane.labels == i, connectivity=1, return_num=True)
            assert n_pieces == 1, plane.name


def test_no_plane_is_flat(planes):
    for plane in planes:
        assert plane.image.std() > 5, plane.name


def test_a_seed_gives_the_same_planes_and_another_gives_others(planes):
    again = make_synthetic_planes(len(KINDS), seed=3)
    other = make_synthetic_planes(len(KINDS), seed=4)
    for plane, same, different in zip(planes, again, other, strict=False):
        assert plane.name == same.name
        np.testing.assert_array_equal(plane.image, same.image)
        np.testing.assert_array_equal(plane.labels, same.labels)
        assert (
            plane.labels.shape != different.labels.shape
            or (plane.labels != different.labels).any()
        )


@pytest.mark.parametrize("kind", KINDS)
def test_planes_of_a_kind_differ_in_size_of_objects(kind):
    first = list(KINDS).index(kind)
    drawn = [make_synthetic_plane(first + i * len(KINDS), seed=5) for i in range(6)]
    diameters = [plane.median_diameter for plane in drawn]
    assert max(diameters) > 1.15 * min(diameters)


def test_a_cut_object_keeps_its_largest_piece():
    labels = np.zeros((20, 30), int)
    labels[2:18, 2:10] = 4
    labels[2:18, 12:17] = 4
    labels[3:5, 20:24] = 7  # 8 pixels
    labels[10:16, 20:28] = 9
    whole = keep_whole(labels)
    assert whole[5, 5] == 1
    assert whole[5, 14] == 0
    assert whole[3, 21] == 0
    assert whole[12, 22] == 2


def test_distance_to_the_edge_ends_at_a_neighbour():
    labels = np.zeros((9, 20), int)
    labels[:, :10] = 1
    labels[:, 10:18] = 2
    distance = edge_distance(labels)
    assert distance[4, 9] == distance[4, 10] == 0.5
    assert distance[4, 6] == 3.5
    assert distance[4, 19] == 0


@pytest.mark.parametrize("scale", [2.0, 6.0, 40.0])
def test_noise_has_unit_variance_and_grains_of_its_scale(scale):
    noise = smooth_noise(np.random.default_rng(0), (300, 280), scale)
    assert noise.mean() == pytest.approx(0, abs=0.03)
    assert noise.std() == pytest.approx(1, abs=0.03)
    step = max(1, round(3 * scale))
    near = np.mean(noise[:, 1:] * noise[:, :-1])
    far = np.mean(noise[:, step:] * noise[:, :-step])
    assert near > 0.2
    assert abs(far) < 0.35


def test_a_warp_by_nothing_changes_nothing():
    labels = np.arange(600).reshape(20, 30)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(warp(rng, labels, 5, 0), labels)
