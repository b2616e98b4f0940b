"""Words for what lies along the axis that objects are followed along."""

import pytest

from napari_segment_anything.widgets.time_words import counted, worded


@pytest.mark.parametrize(
    ("text", "through_depth"),
    [
        ("Frame 3: track 5", "Slice 3: track 5"),
        ("seen in frames 2 to 4.", "seen in slices 2 to 4."),
        ("appears inside the movie", "appears inside the stack"),
        ("the framework of movie-like things", "the framework of stack-like things"),
    ],
)
def test_slices_of_a_stack_through_depth(text, through_depth):
    assert worded(text, "Z") == through_depth
    assert worded(text, "T") == text


def test_one_is_said_in_the_singular():
    said = [counted(number, "track") for number in (0, 1, 2)]
    assert said == ["0 tracks", "1 track", "2 tracks"]
