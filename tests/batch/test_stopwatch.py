import pytest

from napari_segment_anything.batch import stopwatch
from napari_segment_anything.batch.stopwatch import Stopwatch


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(stopwatch, "perf_counter", lambda: now[0])
    return now


def test_an_inner_activity_pauses_the_outer_one(clock):
    watch = Stopwatch()
    with watch.timing("linking"):
        clock[0] += 1
        with watch.timing("decoding"):
            clock[0] += 10
        clock[0] += 100
    clock[0] += 1000
    with watch.timing("decoding"):
        clock[0] += 10_000
    assert watch.seconds == {"linking": 101.0, "decoding": 10_010.0}


def test_an_error_stops_the_clock(clock):
    watch = Stopwatch()

    def failing():
        with watch.timing("linking"):
            clock[0] += 1
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        failing()
    clock[0] += 10
    with watch.timing("writing"):
        clock[0] += 100
    assert watch.seconds == {"linking": 1.0, "writing": 100.0}
