import numpy as np
import pytest

from napari_segment_anything.tracking.lineage import (
    InvalidLineageError,
    Lineage,
)
from napari_segment_anything.tracking.track import Track


def family():
    """One mother (with a gap), two daughters, and a stranger."""
    return Lineage(
        (
            Track(1, 0, 3, 0, (0, 1, 3), (0, 0, 0)),
            Track(2, 1, 4, 0, (1, 2, 3, 4), (1, 0, 1, 2)),
            Track(3, 4, 5, 1, (4, 5), (0, 0)),
            Track(4, 4, 5, 1, (4, 5), (1, 1)),
        )
    )


def test_links_and_lineage_are_two_views_of_the_same():
    lineage = family()
    assert Lineage.from_links([1, 2, 1, 2, 3, 2], lineage.links()) == lineage


def test_divisions_and_look_up():
    lineage = family()
    assert lineage.divisions == ((1, (3, 4)),)
    assert lineage.track_of(3, 1) == 2
    assert lineage.track_of(3, 7) == 0


def test_napari_tracks():
    centroids = [np.array([[t, 0.5], [t, 10.0], [t, 20.0]]) for t in range(6)]
    data, graph, features = family().napari_tracks(centroids)
    assert data[:3].tolist() == [[1, 0, 0, 0.5], [1, 1, 1, 0.5], [1, 3, 3, 0.5]]
    assert data.shape == (11, 4)
    assert graph == {3: [1], 4: [1]}
    assert features["root"].tolist() == [1] * 3 + [2] * 4 + [1] * 4


def test_napari_tracks_of_nothing():
    data, graph, _ = Lineage(()).napari_tracks([])
    assert data.shape == (0, 4)
    assert graph == {}


@pytest.mark.parametrize(
    ("tracks", "cause"),
    [
        ([Track(1, 0, 0, 0, (0,), (0,))] * 2, "used twice"),
        ([Track(0, 0, 0, 0, (0,), (0,))], "not positive"),
        ([Track(1, 0, 1, 0, (1, 0), (0, 0))], "ascend"),
        ([Track(1, 0, 0, 7, (0,), (0,))], "does not exist"),
        ([Track(1, 0, 0, 1, (0,), (0,))], "ends in frame 0"),
        (
            [Track(1, 0, 2, 0, (0, 2), (0, 0)), Track(2, 1, 1, 1, (1,), (0,))],
            "ends in frame 2",
        ),
        (
            [Track(1, 0, 0, 0, (0,), (0,)), Track(2, 0, 0, 0, (0,), (0,))],
            "is in tracks 1 and 2",
        ),
    ],
)
def test_contradictions_are_refused(tracks, cause):
    with pytest.raises(InvalidLineageError, match=cause):
        Lineage(tuple(tracks))


@pytest.mark.parametrize(
    "links",
    [
        [((1, 0), (0, 0))],
        [((0, 0), (2, 0)), ((1, 0), (2, 0))],
    ],
)
def test_bad_links_are_refused(links):
    with pytest.raises(InvalidLineageError):
        Lineage.from_links([1, 1, 1], links)
