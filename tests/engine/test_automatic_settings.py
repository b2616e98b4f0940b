import pytest

from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.errors import InvalidSettingsError
from napari_segment_anything.networks.config import CONFIGS


def test_sams_own_weights_get_sams_defaults():
    settings = AutomaticSettings.for_model(CONFIGS["vit_b"])
    assert settings == AutomaticSettings()
    assert (settings.points_per_side, settings.pred_iou_thresh) == (32, 0.88)
    assert (settings.stability_score_thresh, settings.box_nms_thresh) == (0.95, 0.7)


def test_a_model_with_proposals_is_searched_in_tiles():
    settings = AutomaticSettings.for_model(CONFIGS["nano"])
    assert settings.use_proposals
    assert settings.tile


@pytest.mark.parametrize(
    "change",
    [
        {"points_per_side": 0},
        {"points_per_batch": 0},
        {"pred_iou_thresh": 1.5},
        {"stability_score_thresh": -0.1},
        {"crop_n_layers": -1},
        {"tile_overlap": 0.9},
        {"min_mask_region_area": -1},
        {"proposal_thresh": float("nan")},
    ],
)
def test_values_out_of_range_are_refused_by_name(change):
    with pytest.raises(InvalidSettingsError, match=next(iter(change))):
        AutomaticSettings(**change)
