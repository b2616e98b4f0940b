import pytest

from napari_segment_anything.errors import InvalidSettingsError
from napari_segment_anything.tracking.settings import LinkingSettings
from napari_segment_anything.tracking.words import MOVES, MotionWords, describe


def test_what_is_left_open_comes_from_the_movie():
    estimated = LinkingSettings(motion_scale=0.3, coherence=0.6, gap_frames=2)
    assert MotionWords().settings(estimated) == estimated
    chosen = MotionWords(changes="a lot", divides=False, hidden_frames=5)
    settings = chosen.settings(estimated)
    assert settings.motion_scale == 0.3
    assert (settings.division, settings.gap_frames) == (False, 5)
    assert settings.area_scale > estimated.area_scale


def test_who_moves_farther_may_be_found_farther():
    scales = [MotionWords(moves=word).settings() for word in MOVES]
    assert [s.max_distance for s in scales] == sorted(s.max_distance for s in scales)
    assert [s.motion_scale for s in scales] == sorted(s.motion_scale for s in scales)


def test_settings_in_words():
    text = describe(LinkingSettings(motion_scale=0.25, division=False, gap_frames=1))
    assert text == (
        "Objects move by about 25% of their size a frame, do not divide, and may be "
        "hidden for 1 frame."
    )
    text = describe(LinkingSettings(motion_scale=0.25, gap_frames=0))
    assert text.endswith("divide, and are never hidden.")
    assert "keep their course" in describe(LinkingSettings(persistence=0.8))


def test_unknown_words_are_refused():
    with pytest.raises(InvalidSettingsError, match="quickly"):
        MotionWords(moves="quickly")
