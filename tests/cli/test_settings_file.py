import pytest

from napari_segment_anything.cli.settings_file import job_settings
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.errors import (
    InvalidSettingsError,
    SegmentAnythingError,
    UnreadableInputError,
)


@pytest.fixture
def read(tmp_path, tiny_predictor):
    def read(text):
        path = tmp_path / "settings.toml"
        path.write_text(text)
        return job_settings(path, tiny_predictor)

    return read


def test_without_a_file_settings_suit_the_model(tiny_predictor):
    settings = job_settings(None, tiny_predictor)
    assert settings.automatic == AutomaticSettings.for_model(tiny_predictor.config)
    assert (settings.linking, settings.intensity_range) == (None, None)


def test_what_the_file_says_wins(read):
    settings = read(
        "intensity_range = [100, 4000.5]\n"
        "[automatic]\npred_iou_thresh = 0.7\nobject_diameter = 30\ntile = false\n"
        "[linking]\ngap_frames = 3\n"
    )
    assert settings.automatic.pred_iou_thresh == 0.7
    assert settings.automatic.object_diameter == 30
    assert settings.automatic.tile is False
    assert settings.linking.gap_frames == 3
    assert settings.intensity_range == (100, 4000.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[automatic]\npred_iou_tresh = 0.7", "did you mean pred_iou_thresh"),
        ("[automatik]\n", "did you mean automatic"),
        ("[automatic]\npred_iou_thresh = 7", "from 0 to 1"),
        ("[automatic]\npred_iou_thresh = '0.7'", "such as"),
        ("[automatic]\npoints_per_side = 3.5", "such as"),
        ("[automatic]\ntile = 1", "such as (true|false)"),
        ("automatic = 3", "in brackets"),
        ("intensity_range = [5]", "black and white"),
        ("intensity_range = [5, 5]", "the smaller one"),
    ],
)
def test_what_makes_no_sense_is_refused(read, text, said):
    with pytest.raises(InvalidSettingsError, match=said):
        read(text)


def test_a_file_that_cannot_be_read_is_said(read, tmp_path, tiny_predictor):
    with pytest.raises(UnreadableInputError, match="no TOML"):
        read("[automatic")
    with pytest.raises(SegmentAnythingError, match="check the path"):
        job_settings(tmp_path / "none.toml", tiny_predictor)
