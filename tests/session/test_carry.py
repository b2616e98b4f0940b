"""Carrying an object through planes, with a model that segments what is bright."""

import numpy as np
import pytest

from bright_sam import bright_predictor
from napari_segment_anything.batch.progress import run
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.session.carry import carry_job, moved
from napari_segment_anything.session.mask_options import MaskOptions
from napari_segment_anything.session.planes import PlaneId, PlaneSource
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

N_SLICES = 7
# A ball that moves; it is missing on the last slice.
CENTRES = [(40 + 2 * z, 50 + 3 * z) for z in range(N_SLICES)]


def ball(z):
    y, x = np.indices((96, 128))
    cy, cx = CENTRES[z]
    return (y - cy) ** 2 + (x - cx) ** 2 <= 12**2


@pytest.fixture
def source():
    volume = np.zeros((N_SLICES, 96, 128), np.uint16)
    for z in range(N_SLICES - 1):
        volume[z] = 200 + 1500 * ball(z)
    volume[-1] = 200
    # Something else is bright everywhere, so that no slice is empty.
    volume[:, 5:20, 5:20] = 1700
    return PlaneSource(volume, "ZYX")


def known(*slices):
    return {
        PlaneId(index=(("Z", z),)): MaskSet.from_labels(ball(z).astype(np.int32))
        for z in slices
    }


def carried(source, slices, span):
    job = carry_job(
        source,
        known(*slices),
        "Z",
        span,
        bright_predictor(),
        MemoryEmbeddingStore(),
        MaskOptions(),
    )
    return run(job)


@pytest.mark.parametrize(
    ("slices", "span", "expected"),
    [
        ((2,), (0, 4), [0, 1, 3, 4]),
        ((0, 5), (0, 5), [1, 2, 3, 4]),
        ((3,), (3, 3), []),
        # Where there is nothing to be seen it stops.
        ((4,), (4, 6), [5]),
    ],
)
def test_an_object_is_found_on_the_planes_that_are_asked_for(
    source, slices, span, expected
):
    found = carried(source, slices, span)
    assert sorted(plane.position("Z") for plane in found.masks) == expected
    assert (found.axis, found.span) == ("Z", span)
    for plane, masks in found.masks.items():
        truth = ball(plane.position("Z"))
        mask = masks.full_mask(0)
        assert (mask & truth).sum() / (mask | truth).sum() > 0.85


def test_other_axes_stay_where_they_are():
    plane = PlaneId(index=(("T", 3), ("Z", 1)))
    assert moved(plane, "Z", 5) == PlaneId(index=(("T", 3), ("Z", 5)))
