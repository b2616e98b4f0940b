"""Parts of some work, one after the other."""

import pytest

from napari_segment_anything.engine.parts import in_turn


def counting(n, result):
    def part():
        for i in range(n):
            yield (i + 1) / n
        return result

    return part


def driven(run):
    shares = []
    while True:
        try:
            shares.append(next(run))
        except StopIteration as stop:
            return shares, stop.value


def test_parts_are_done_in_their_order_and_progress_is_of_the_whole():
    shares, results = driven(in_turn([counting(2, "a"), counting(1, "b")]))
    assert results == ["a", "b"]
    assert shares == pytest.approx([0.25, 0.5, 1.0])


def test_without_parts_there_are_no_results():
    assert driven(in_turn([])) == ([], [])
