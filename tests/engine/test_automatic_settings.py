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


@pytest.mark.parametrize("model", ["nano", "vit_b"])
def test_what_suits_a_model_can_be_changed_by_name(model):
    suited = AutomaticSettings.for_model(CONFIGS[model])
    changed = AutomaticSettings.for_model(CONFIGS[model], min_mask_region_area=50)
    assert changed.min_mask_region_area == 50
    assert changed.pred_iou_thresh == suited.pred_iou_thresh


def test_a_setting_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(InvalidSettingsError, match="did you mean pred_iou_thresh"):
        AutomaticSettings.for_model(CONFIGS["nano"], pred_iou_tresh=0.5)
    with pytest.raises(InvalidSettingsError, match="no setting 'colour'"):
        AutomaticSettings.for_model(CONFIGS["nano"], colour=1)
    with pytest.raises(InvalidSettingsError, match="min_mask_region_area"):
        AutomaticSettings.for_model(CONFIGS["nano"], min_mask_region_area=-1)


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
