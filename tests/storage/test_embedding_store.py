import numpy as np
import pytest

from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.storage.embedding_store import plane_key

PLANE = np.random.default_rng(0).integers(0, 999, (48, 64)).astype(np.uint16)
FACTS = {
    "intensity_range": (0.0, 999.0),
    "geometry": FrameGeometry(plane_shape=(48, 64), frame_size=128),
    "model_digest": "ab" * 32,
}


def key(plane=PLANE, **changes):
    return plane_key(plane, **{**FACTS, **changes})


def test_a_key_is_a_digest_of_128_bits():
    assert len(key()) == 32
    assert int(key(), 16) >= 0


def test_the_key_is_the_same_in_every_session():
    # Stores outlive a release: a change of this value makes all of them useless.
    plane = np.arange(12, dtype=np.uint8).reshape(3, 4)
    geometry = FrameGeometry(plane_shape=(3, 4), frame_size=128)
    found = plane_key(
        plane, intensity_range=(0, 11), geometry=geometry, model_digest="0"
    )
    assert found == "3b58c124a162efe9ad00e774fc8be168"


def spoil(plane):
    spoiled = plane.copy()
    spoiled[-1, -1] += 1
    return spoiled


@pytest.mark.parametrize(
    "changed",
    [
        key(spoil(PLANE)),
        key(PLANE.astype(np.int16)),
        key(PLANE.reshape(64, 48)),
        key(intensity_range=(0.0, 999.5)),
        key(geometry=FrameGeometry(plane_shape=(48, 64), frame_size=256)),
        key(geometry=FrameGeometry(plane_shape=(48, 63), frame_size=128)),
        key(model_digest="cd" * 32),
    ],
)
def test_whatever_an_embedding_depends_on_changes_the_key(changed):
    assert changed != key()


@pytest.mark.parametrize(
    "same",
    [
        np.asfortranarray(PLANE),
        PLANE.astype(">u2"),
        np.pad(PLANE, 3)[3:-3, 3:-3],
        PLANE.T.copy().T,
    ],
)
def test_equal_pixels_have_one_key_wherever_they_come_from(same):
    assert key(same) == key()


def test_an_integer_range_is_the_float_range():
    assert key(intensity_range=(0, np.float32(999))) == key()


@pytest.mark.parametrize("dtype", [bool, np.float16, np.float64, np.int64])
def test_every_dtype_has_a_key(dtype):
    assert key(PLANE.astype(dtype)) != key()
