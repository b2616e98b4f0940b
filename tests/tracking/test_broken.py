from napari_segment_anything.tracking.linking import link

from . import movies
from .test_fragments import halves_of


def test_a_mask_that_holds_two_objects_at_first_does_not_divide():
    frames = movies.apart()[2:]
    both = frames[0].full_mask(0) | frames[0].full_mask(1)
    both[46:51, 76:86] = True
    frames[0] = movies.from_full([both])
    lineage = link(frames)
    assert lineage.divisions == ()
    assert lineage.n_tracks == 2


def test_an_object_in_two_parts_in_the_last_frame_did_not_divide():
    frames = [movies.disks((48, 60, 12), (48, 110, 11)) for _ in range(5)]
    frames[4] = halves_of(frames[4], 0, 60)
    lineage = link(frames)
    assert lineage.divisions == ()


def test_a_division_just_before_the_end_is_one():
    lineage = link(movies.division()[:5])
    assert len(lineage.divisions) == 1
