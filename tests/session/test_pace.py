import pytest

from napari_segment_anything.session.pace import Pace, in_words


def test_the_time_left_follows_the_pace():
    now = [100.0]
    pace = Pace(lambda: now[0])
    assert pace.describe_left(4, 24) == ""
    now[0] += 10
    assert pace.describe_left(6, 24) == "about 2 min left"
    assert pace.describe_left(24, 24) == ""


def test_a_pause_does_not_count():
    now = [0.0]
    pace = Pace(lambda: now[0])
    pace.describe_left(0, 10)
    now[0] = 1000
    pace.restart()
    assert pace.describe_left(1, 10) == ""
    now[0] = 1001
    assert pace.describe_left(2, 10) == "about 8 s left"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.1, "1 s"), (80, "80 s"), (95, "2 min"), (7000, "2 h")]
)
def test_durations(seconds, words):
    assert in_words(seconds) == words
