"""A movie in which one object wanders and another one divides."""

import numpy as np

from napari_segment_anything.stacks.stack import Stack

N_FRAMES = 6


def dividing_movie():
    """One square that wanders, one that divides after frame 2, and their ids."""
    labels = np.zeros((N_FRAMES, 96, 96), np.int32)
    for t in range(N_FRAMES):
        labels[t, 10 + 2 * t : 24 + 2 * t, 10:24] = 1
        if t < 3:
            labels[t, 60:76, 40:64] = 2
        else:
            spread = 2 * (t - 3)
            labels[t, 60:76, 38 - spread : 50 - spread] = 3
            labels[t, 60:76, 54 + spread : 66 + spread] = 4
    return labels


def stack_of(labels, axes="TYX"):
    return Stack((100 + 2000 * (labels > 0)).astype(np.uint16), axes)
