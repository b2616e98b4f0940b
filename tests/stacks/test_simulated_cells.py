import numpy as np
import pytest

from napari_segment_anything.stacks.simulated_cells import new_nucleus, push_apart


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def distance(first, second):
    return np.hypot(*(first.centre - second.centre))


def test_overlapping_nuclei_are_pushed_until_they_touch(rng):
    pair = [new_nucleus(n, np.array([50.0, 50.0 + n]), 10.0, rng) for n in (0, 1)]
    push_apart(pair, (100, 100))
    reach = sum(0.5 * sum(nucleus.semi_axes) for nucleus in pair)
    assert distance(*pair) == pytest.approx(1.02 * reach, rel=0.05)


def test_distant_nuclei_stay(rng):
    pair = [new_nucleus(n, np.array([20.0, 20.0 + 60 * n]), 10.0, rng) for n in (0, 1)]
    push_apart(pair, (100, 100))
    np.testing.assert_allclose(pair[0].centre, (20, 20))
    np.testing.assert_allclose(pair[1].centre, (20, 80))


def test_centres_are_kept_on_the_plane(rng):
    nucleus = new_nucleus(1, np.array([-30.0, 200.0]), 10.0, rng)
    push_apart([nucleus], (64, 64))
    assert (nucleus.centre >= 0).all()
    assert (nucleus.centre <= 63).all()


def test_daughters_lie_on_both_sides_of_the_plate(rng):
    mother = new_nucleus(1, np.array([50.0, 50.0]), 10.0, rng)
    mother.divides_in = 1
    first, second = mother.divide((2, 3), rng)
    np.testing.assert_allclose((first.centre + second.centre) / 2, mother.centre)
    along = np.array([np.cos(mother.angle), np.sin(mother.angle)])
    assert (second.centre - first.centre) @ along == pytest.approx(0, abs=1e-9)
    assert distance(first, second) > sum(first.semi_axes[1:] + second.semi_axes[1:])


def test_chromatin_is_packed_only_around_a_division(rng):
    nucleus = new_nucleus(1, np.zeros(2), 10.0, rng)
    grown, calm = nucleus.semi_axes, nucleus.signal
    nucleus.divides_in = 1
    assert nucleus.is_condensed
    assert nucleus.semi_axes[1] < 0.6 * grown[1]
    assert nucleus.signal > 1.5 * calm
