import numpy as np
from benchmarks.tracking import without_margin


def test_objects_outside_of_the_field_are_left_out():
    labels = np.zeros((40, 40), int)
    labels[0:8, 5:15] = 1
    labels[6:14, 20:30] = 2
    labels[20:25, 20:25] = 3
    kept = without_margin(labels, 10)
    assert set(np.unique(kept)) == {0, 2, 3}
    assert (kept[labels == 2] == 2).all()
    assert without_margin(labels, 0) is labels
