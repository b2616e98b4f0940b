import numpy as np
import pytest

from bright_sam import bright_predictor
from dividing_movie import dividing_movie
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.track import track_stack
from napari_segment_anything.batch.track_projection import project_stack
from napari_segment_anything.errors import InvalidAxesError, InvalidSettingsError
from napari_segment_anything.stacks.stack import Stack


@pytest.mark.parametrize("axes", ["TZYX", "ZTYX", "TZCYX", "TZYXS"])
@pytest.mark.parametrize("how", ["max", "mean"])
def test_planes_are_those_of_numpy(axes, how):
    lengths = {"T": 3, "Z": 4, "C": 2, "Y": 6, "X": 5, "S": 3}
    rng = np.random.default_rng(0)
    data = rng.integers(0, 4000, [lengths[a] for a in axes]).astype(np.uint16)
    channel = 1 if "C" in axes else None
    stack = project_stack(Stack(data, axes, channel=channel), "Z", how)
    whole = data.take(1, axes.index("C")) if "C" in axes else data
    order = axes.replace("C", "")
    expected = getattr(np, how)(whole.astype(float), axis=order.index("Z"))
    assert stack.index_axes == "T"
    for t in range(3):
        plane = stack.read(t)
        np.testing.assert_allclose(plane, expected[t], rtol=1e-5)
        assert plane.dtype == (np.float32 if how == "mean" else np.uint16)


def test_scale_of_what_is_left_stays():
    stack = Stack(
        np.zeros((2, 3, 4, 4)), "TZYX", scale={"T": 2.0, "Z": 3.0, "Y": 0.5, "X": 0.5}
    )
    assert project_stack(stack).scale == {"T": 2.0, "Y": 0.5, "X": 0.5}


def test_objects_of_a_projection_are_tracked():
    labels = dividing_movie()
    data = np.full((6, 2, 96, 96), 100, np.uint16)
    data[:, 0][np.isin(labels, (1, 3))] = 2000
    data[:, 1][np.isin(labels, (2, 4))] = 2000
    stack = project_stack(Stack(data, "TZYX"))
    result = run(track_stack(stack, bright_predictor()))
    assert result.labels.shape == (6, 96, 96)
    assert (result.n_tracks, result.n_divisions) == (4, 1)


def test_nothing_to_project_is_said():
    stack = Stack(np.zeros((2, 4, 4)), "TYX")
    with pytest.raises(InvalidAxesError, match="nothing to project"):
        project_stack(stack)
    with pytest.raises(InvalidSettingsError, match="'sum'"):
        project_stack(stack, "T", "sum")
