"""The damage that the benchmark does to true masks."""

import numpy as np
from benchmarks.tracking_inputs import damaged, split, touching_pairs


def squares():
    """400 squares of 6 pixels; those of a row touch each other in pairs."""
    labels = np.zeros((200, 200), np.int32)
    for k in range(400):
        row, column = divmod(k, 20)
        x = 10 * column + (3 if column % 2 == 0 else -1)
        labels[10 * row : 10 * row + 6, x : x + 6] = k + 1
    return labels


def test_pairs_that_touch():
    pairs = touching_pairs(squares())
    assert len(pairs) == 200
    assert all(other == one + 1 and one % 2 == 1 for one, other in pairs)


def test_shares_of_damage():
    truth = squares()
    removed = merged = whole = fragments = 0
    for seed in range(10):
        labels = damaged(truth, np.random.default_rng(seed))
        for one in range(1, 401):
            ids = np.unique(labels[truth == one])
            if (ids == 0).all():
                removed += 1
            elif len(ids) > 1:
                fragments += 1
            else:
                whole += 1
        for one in range(1, 401, 2):
            here, there = labels[truth == one], labels[truth == one + 1]
            merged += bool(here.any() and set(here) == set(there))
    assert removed + fragments + whole == 4000
    assert 0.08 < removed / 4000 < 0.12
    # A pair is merged and an object split only if nothing else has happened to it.
    assert 0.02 < merged / 2000 < 0.06
    assert 0.03 < fragments / 4000 < 0.06


def test_a_split_is_across_the_length_and_loses_nothing():
    labels = np.zeros((20, 40), np.int32)
    labels[8:12, 5:35] = 3
    split(labels, 3, 9)
    assert (labels > 0).sum() == 120
    for one in (3, 9):
        columns = np.nonzero((labels == one).any(axis=0))[0]
        assert (labels == one).sum() == 60
        assert columns.max() - columns.min() == 14
