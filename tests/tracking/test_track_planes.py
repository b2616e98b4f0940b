"""Label images with ids of tracks."""

import numpy as np

from dividing_movie import N_FRAMES, dividing_movie
from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.correction_steps import PlaneChange
from napari_segment_anything.tracking.track_planes import TrackPlanes


class Counted:
    """Counts which frames are read."""

    def __init__(self, labels):
        self.labels, self.shape, self.read = labels, labels.shape, []

    def __getitem__(self, frame):
        self.read.append(frame)
        return self.labels[frame]

    def __setitem__(self, frame, labels):
        self.labels[frame] = labels


def test_frames_that_were_looked_at_are_not_read_again():
    labels = dividing_movie()
    labels[4:] = 0
    frames = Counted(labels)
    seen = {frame: np.unique(labels[frame])[1:] for frame in range(4)}
    tracks = TrackPlanes(frames, {3: 2, 4: 2}, seen=seen)
    assert frames.read == []
    assert tracks.frames == [0, 1, 2, 3]
    assert tracks.frames_of(2) == [0, 1, 2]
    assert tracks.parents == {3: 2, 4: 2}
    assert tracks.tracks == TrackPlanes(labels, {3: 2, 4: 2}).tracks


def test_changes_of_a_frame_are_counted():
    tracks = EditableTracks(dividing_movie(), {3: 2, 4: 2})
    assert [tracks.n_changes(t) for t in range(N_FRAMES)] == [0] * N_FRAMES
    undo = tracks.apply(tracks.cut(1, 4))
    tracks.note_painting(0)
    assert [tracks.n_changes(t) for t in range(N_FRAMES)] == [1, 0, 0, 0, 1, 1]
    tracks.apply(undo)
    assert tracks.n_changes(5) == 2


def test_what_is_painted_over_is_noticed_locked_and_taken_back():
    labels = dividing_movie()
    tracks = EditableTracks(labels.copy(), {3: 2, 4: 2})
    tracks.locked = frozenset({(0, 2)})
    after = labels[4].copy()
    # The whole of one daughter, and a corner of a stranger, become an object 9.
    after[labels[4] == 3] = 9
    corner = np.flatnonzero((labels[4] == 1).ravel())[:5]
    after.ravel()[corner] = 9
    pixels = np.flatnonzero(after != labels[4])
    change = PlaneChange(4, pixels, labels[4].ravel()[pixels], after.ravel()[pixels])
    tracks.labels[4] = after
    undo = tracks.take_over([change])
    assert 4 not in tracks.frames_of(3)
    assert tracks.frames_of(9) == [4]
    assert tracks.locked == {(0, 2), (4, 9), (4, 1)}
    assert tracks.n_changes(4) == 1
    tracks.apply(undo)
    assert (tracks.labels == labels).all()
    assert tracks.tracks == EditableTracks(labels).tracks
    assert tracks.frames_of(3) == EditableTracks(labels).frames_of(3)
    assert tracks.locked == {(0, 2)}
    assert tracks.parents == {3: 2, 4: 2}
