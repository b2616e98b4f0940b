import numpy as np

from bright_sam import bright_predictor
from napari_segment_anything.engine.plane_predictor import PlanePredictor
from napari_segment_anything.session.decoding import mask_box, masks_of
from napari_segment_anything.session.objects import PlanePrompts


def test_mask_box():
    mask = np.zeros((6, 7), bool)
    assert mask_box(mask) == (0, 0, 0, 0)
    mask[2:4, 5] = True
    assert mask_box(mask) == (2, 5, 4, 6)


def test_a_correction_starts_from_logits(disks_image, monkeypatch):
    predictor = bright_predictor()
    given = []
    decode = predictor._sam.decode

    def decode_noisily(*args, masks=None, **kwargs):
        given.append(masks)
        logits, iou = decode(*args, masks=masks, **kwargs)
        ramp = np.linspace(0, 3, logits.shape[-1], dtype=np.float32)
        return logits + logits.new_tensor(ramp), iou

    monkeypatch.setattr(predictor._sam, "decode", decode_noisily)
    plane = PlanePredictor(predictor, disks_image.image, scale=1.0)
    y, x = disks_image.centres[4]
    points = np.array([[y, x], [y, x + 4], [5, 5]])
    (mask,) = masks_of(plane, PlanePrompts(points, np.array([True, True, False]))).masks
    assert 300 < mask.sum() < 1200
    # Both ways, because the model has a proposal head.
    assert [m is None for m in given] == [True, False, True, False, True]
    # As many values as the ramp has: nobody made a yes or no of it.
    assert len(np.unique(given[-2].numpy())) > 10
