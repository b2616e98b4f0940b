import numpy as np
import pytest
from scipy import ndimage

from napari_segment_anything.errors import InvalidSettingsError
from napari_segment_anything.stacks.simulated import simulate_cells


@pytest.fixture(scope="module")
def movie():
    return simulate_cells()


def lifetimes(labels):
    """Return the frames in which each track is seen."""
    frames = {}
    for number, plane in enumerate(labels):
        for track in np.unique(plane)[1:]:
            frames.setdefault(int(track), []).append(number)
    return frames


def test_shapes_and_dtypes(movie):
    assert movie.images.shape == movie.labels.shape == (12, 256, 256)
    assert movie.images.dtype == np.uint16
    assert movie.labels.dtype == np.int32


def test_the_same_seed_gives_the_same_movie():
    first, same, other = (simulate_cells(3, (64, 64), seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.images, same.images)
    np.testing.assert_array_equal(first.labels, same.labels)
    assert first.parents == same.parents
    assert (first.images != other.images).any()


@pytest.mark.parametrize("seed", range(4))
def test_every_object_is_one_piece_of_a_sensible_size(seed):
    for plane in simulate_cells(seed=seed).labels:
        for track, box in enumerate(ndimage.find_objects(plane), start=1):
            if box is not None:
                mask = plane[box] == track
                assert ndimage.label(mask)[1] == 1
                assert 30 < mask.sum() < 1200


@pytest.mark.parametrize("seed", range(4))
def test_the_lineage_is_whole(seed):
    movie = simulate_cells(seed=seed)
    frames = lifetimes(movie.labels)
    daughters = {}
    for daughter, mother in movie.parents.items():
        daughters.setdefault(mother, []).append(daughter)
    assert daughters
    for track, seen in frames.items():
        assert seen == list(range(seen[0], seen[-1] + 1))
        assert (seen[0] == 0) == (track not in movie.parents)
        assert (seen[-1] == 11) == (track not in daughters)
    for mother, pair in daughters.items():
        assert len(pair) == 2
        for daughter in pair:
            assert frames[daughter][0] == frames[mother][-1] + 1


def test_objects_move_less_than_their_size_between_frames(movie):
    for before, after in zip(movie.labels[:-1], movie.labels[1:], strict=True):
        for track in np.intersect1d(before, after)[1:]:
            assert ((before == track) & (after == track)).any()


def test_some_objects_touch(movie):
    touching = 0
    for plane in movie.labels:
        right = (plane[:, 1:] != plane[:, :-1]) & (plane[:, 1:] * plane[:, :-1] > 0)
        touching += right.any()
    assert touching > 0


def test_nuclei_are_brighter_than_what_surrounds_them(movie):
    for image, plane in zip(movie.images, movie.labels, strict=True):
        ground = image[plane == 0]
        limit = ground.mean() + 3 * ground.std() / np.sqrt(50)
        for track in np.unique(plane)[1:]:
            assert image[plane == track].mean() > limit


@pytest.mark.parametrize("arguments", [(0, (64, 64)), (3, (0, 64))])
def test_an_empty_movie_is_refused(arguments):
    with pytest.raises(InvalidSettingsError, match="at least one"):
        simulate_cells(*arguments)
    with pytest.raises(InvalidSettingsError, match="at least one"):
        simulate_cells(3, (64, 64), n_cells=0)


def test_one_frame_and_one_cell_will_do():
    movie = simulate_cells(1, (32, 40), n_cells=1)
    assert np.unique(movie.labels).tolist() == [0, 1]
    assert movie.parents == {}
