import numpy as np
import pytest

from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.proposals import Proposals

from .fake_sam import maps_of_labels


def proposals_of(labels, **changes):
    maps = maps_of_labels(labels)
    for channel, value in changes.items():
        maps[{"foreground": 0, "boundary": 1, "centre": 2}[channel]] = value
    return Proposals.from_maps(maps, FrameGeometry((128, 128), 128))


@pytest.fixture
def labels(disks_image):
    """Six disks of 64 × 64 low-resolution pixels, radii 3 to 7."""
    labels = np.zeros((64, 64), int)
    labels[:48] = disks_image.labels[::2, ::2]
    return labels


def test_one_point_inside_of_each_object(labels):
    points = proposals_of(labels).prompt_points(0.3)
    ids = labels[tuple((points / 2).astype(int).T)]
    np.testing.assert_array_equal(np.sort(ids), [1, 2, 3, 4, 5, 6])


def test_points_are_centres_in_plane_pixels(labels, disks_image):
    points = proposals_of(labels).prompt_points(0.3)
    distance = np.linalg.norm(points[:, None] - disks_image.centres[None], axis=-1)
    assert distance.min(axis=0).max() < 3


def test_objects_that_the_centre_map_misses_are_found_by_votes(labels):
    points = proposals_of(labels, centre=-8).prompt_points(0.3)
    ids = labels[tuple((points / 2).astype(int).T)]
    np.testing.assert_array_equal(np.unique(ids), [1, 2, 3, 4, 5, 6])


def test_votes_meet_at_the_centre(labels):
    votes = proposals_of(labels).votes()
    assert votes.sum() == pytest.approx((labels > 0).sum(), rel=0.01)
    # Every pixel of a disk points to the same place, so few pixels hold all votes.
    assert np.count_nonzero(votes) < 30


def test_touching_objects_are_told_apart():
    labels = np.zeros((64, 64), int)
    labels[20:32, 20:32] = 1
    labels[20:32, 32:44] = 2
    points = proposals_of(labels).prompt_points(0.3)
    ids = labels[tuple((points / 2).astype(int).T)]
    np.testing.assert_array_equal(np.sort(ids), [1, 2])


def test_a_crescent_is_prompted_inside_of_itself():
    y, x = np.indices((64, 64)) - 32
    radius = np.hypot(y, x)
    labels = ((radius > 9) & (radius < 13) & (x < 4)).astype(int)
    points = proposals_of(labels).prompt_points(0.3)
    assert len(points) >= 1
    assert labels[tuple((points / 2).astype(int).T)].all()


def test_nothing_is_proposed_on_empty_ground():
    points = proposals_of(np.zeros((64, 64), int)).prompt_points(0.3)
    assert points.shape == (0, 2)


def test_regions_are_the_objects(labels):
    proposals = proposals_of(labels)
    points = proposals.prompt_points(0.3)
    regions = proposals.regions(points)
    at_points = labels[tuple((points / 2).astype(int).T)]
    for position, number in enumerate(at_points):
        np.testing.assert_array_equal(regions == position + 1, labels == number)


def test_pixels_that_point_elsewhere_belong_to_no_region(labels):
    proposals = proposals_of(labels)
    far_corner = np.array([[95.0, 64.0]], np.float32)
    regions = proposals.regions(far_corner)
    assert not regions[labels == 1].any()
    assert not proposals.regions(np.zeros((0, 2), np.float32)).any()


def test_maps_leave_the_padding_out():
    geometry = FrameGeometry((64, 128), 128)
    proposals = Proposals.from_maps(np.zeros((5, 64, 64), np.float32), geometry)
    assert proposals.foreground.shape == (32, 64)
    assert proposals.offsets.shape == (2, 32, 64)
