"""Corrections in words."""

import numpy as np
import pytest

from napari_segment_anything.tracking.correction_steps import InvalidCorrectionError
from napari_segment_anything.tracking.correction_words import TrackStep, parse_steps


def test_lines_become_steps():
    steps = parse_steps(
        ["# found on Monday", "cut 7 40", "", "remove 3 1 2  # twice", "apart 9"]
    )
    assert steps == (
        TrackStep("cut", (7, 40)),
        TrackStep("remove", (3, 1, 2)),
        TrackStep("apart", (9,)),
    )
    assert not any(step.needs_model for step in steps)


def test_prompts_have_points_and_a_box():
    (step,) = parse_steps(["prompt ? 4 at 10 20.5 not 1 2 at 3 4 box 30 8 2 40"])
    assert step.numbers == (0, 4)
    assert step.inside == ((10, 20.5), (3, 4))
    assert step.outside == ((1, 2),)
    assert step.box == (2, 8, 30, 40)
    assert step.needs_model
    assert np.array_equal(step.points, [[10, 20.5], [3, 4], [1, 2]])
    (step,) = parse_steps(["prompt 5 0 box 0 0 9 9"])
    assert step.points.shape == (0, 2)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("cut 7", "cut TRACK FRAME"),
        ("cut 7 x", "cut TRACK FRAME"),
        ("swap 1 2 3 4", "swap TRACK OTHER FRAME"),
        ("glue 1 2", "join TRACK OTHER"),
        ("prompt 1 2", "prompt TRACK"),
        ("prompt 1 2 not 3 4", "prompt TRACK"),
        ("prompt 1 2 at 3", "prompt TRACK"),
        ("prompt 1 2 near 3 4", "prompt TRACK"),
        ("prompt", "prompt TRACK"),
    ],
)
def test_what_says_nothing_is_refused_with_the_form(line, wanted):
    with pytest.raises(InvalidCorrectionError, match="is no correction") as error:
        parse_steps(["cut 1 2", line])
    assert wanted in str(error.value)
    assert repr(line) in str(error.value)
