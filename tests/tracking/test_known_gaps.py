"""Known tracks take what lies in their gaps."""

import numpy as np

from napari_segment_anything.tracking.known import Known, known_tracks
from napari_segment_anything.tracking.known_gaps import with_filled_gaps
from napari_segment_anything.tracking.objects import measure
from napari_segment_anything.tracking.propagation import track_masks

from . import movies
from .test_propagation import run


def filled(frames, known):
    return with_filled_gaps(known, frames, [measure(frame) for frame in frames])


def moving(n_frames=5):
    """One object moves by 4 pixels a frame, another one stays."""
    return [movies.disks((40, 40 + 4 * t, 9), (70, 120, 9)) for t in range(n_frames)]


def test_masks_in_a_gap_get_the_id_of_the_track():
    frames = moving()
    known = filled(frames, Known(ids={(0, 0): 7, (4, 0): 7}, links={((0, 0), (4, 0))}))
    assert known.ids == {(t, 0): 7 for t in range(5)}
    assert known.links == {((t, 0), (t + 1, 0)) for t in range(4)}


def test_a_gap_may_be_filled_in_part():
    frames = moving()
    frames[2] = movies.disks((10, 10, 9))
    known = filled(frames, Known(ids={(0, 0): 7, (4, 0): 7}, links={((0, 0), (4, 0))}))
    assert known.ids == {(t, 0): 7 for t in (0, 1, 3, 4)}
    assert ((1, 0), (3, 0)) in known.links


def test_what_is_known_or_lies_elsewhere_is_not_taken():
    frames = moving(3)
    gap = {((0, 0), (2, 0))}
    ids = {(0, 0): 7, (2, 0): 7}
    # Another track has the mask; or somebody has said that it is right as it is.
    for known in (
        Known(ids={**ids, (1, 0): 8}, links=gap),
        Known(ids=ids, links=gap, objects=frozenset({(1, 0)})),
    ):
        assert filled(frames, known) is known
    # A mother and her daughter after a gap are two tracks.
    known = Known(ids={(0, 0): 7, (2, 0): 9}, links=gap)
    assert filled(frames, known) is known
    frames[1] = movies.disks((40, 56, 9))
    known = Known(ids=ids, links=gap)
    assert filled(frames, known) is known


def test_a_missed_frame_of_a_known_track_is_found_for_it():
    truth = movies.one_frame_gap()
    whole = [movies.disks((40, 50 + 2 * t, 9), (70, 120, 9)) for t in range(7)]
    ids = [np.array([5, 8]) if len(f) == 2 else np.array([8]) for f in truth]
    _, result = run(
        track_masks(truth, movies.TruthPredictor(whole), known=known_tracks(ids))
    )
    assert result.lineage.by_id[5].frames == tuple(range(7))
    assert {track.id for track in result.lineage.tracks} == {5, 8}
    assert [t for t, _ in result.repairs] == [3]
