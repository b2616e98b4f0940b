import pytest

from napari_segment_anything.tracking.graph import LinkGraph


@pytest.fixture
def graph():
    """One object that divides, one that nothing follows, one that is left out."""
    graph = LinkGraph([2, 3, 0, 2], left_out={(1, 2)})
    graph.add((0, 0), (1, 0))
    graph.add((0, 0), (1, 1))
    graph.add((1, 0), (3, 1))
    return graph


def test_what_follows_and_precedes(graph):
    assert graph.successors((0, 0)) == ((1, 0), (1, 1))
    assert graph.successors((1, 1)) == ()
    assert graph.predecessor((3, 1)) == (1, 0)
    assert graph.predecessor((0, 1)) is None
    assert graph.divisions() == [(0, 0)]
    assert list(graph.links()) == [
        ((0, 0), (1, 0)),
        ((0, 0), (1, 1)),
        ((1, 0), (3, 1)),
    ]


def test_ends_and_starts_without_what_is_left_out(graph):
    ends = {frame: found.tolist() for frame, found in graph.ends().items()}
    starts = {frame: found.tolist() for frame, found in graph.starts().items()}
    assert ends == {0: [1], 1: [1], 3: [0, 1]}
    assert starts == {0: [0, 1], 3: [0]}


def test_of_two_daughters_either_can_go(graph):
    graph.remove((0, 0), (1, 0))
    assert graph.successors((0, 0)) == ((1, 1),)
    assert graph.divisions() == []
    graph.remove((0, 0), (1, 1))
    assert graph.successors((0, 0)) == ()
    graph.add((0, 1), (1, 0))
    assert graph.predecessor((1, 0)) == (0, 1)
