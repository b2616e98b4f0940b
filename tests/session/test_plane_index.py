import gc
import weakref

import numpy as np

from napari_segment_anything.session.plane_index import PlaneIndex
from napari_segment_anything.session.planes import PlaneId, PlaneSource

KEYS = frozenset({"a" * 32})


def plane(t, channel=0):
    return PlaneId(("Y", "X"), (("T", t), ("C", channel)))


def source():
    return PlaneSource(np.zeros((3, 2, 8, 9), np.uint8), "TCYX")


def test_planes_are_known_by_source_channel_and_model():
    index, image, other = PlaneIndex(), source(), source()
    index.add(image, plane(1), "nano", KEYS)
    index.add(image, plane(2, channel=1), "nano", KEYS)
    index.add(image, plane(0), "nano", frozenset())
    assert index.keys_of(image, plane(1), "nano") == KEYS
    assert index.ready(image, plane(0), "nano").tolist() == [False, True, False]
    assert index.ready(image, plane(0, 1), "nano").tolist() == [False, False, True]
    assert not index.ready(image, plane(0), "vit_b").any()
    assert not index.ready(other, plane(0), "nano").any()
    index.drop(image, plane(1), "nano")
    index.drop(other, plane(1), "nano")
    assert not index.ready(image, plane(0), "nano").any()
    index.clear()
    assert index.keys_of(image, plane(2, channel=1), "nano") == frozenset()


def test_an_image_that_was_closed_is_forgotten_with_its_pixels():
    index, image = PlaneIndex(), source()
    pixels = weakref.ref(image.data)
    index.add(image, plane(1), "nano", KEYS)
    index.ready(image, plane(0), "nano")
    del image
    gc.collect()
    assert pixels() is None
    assert len(index._keys) == 0
