"""Rough masks from the proposal head, on hand-made maps of two touching objects."""

from dataclasses import replace

import pytest
import torch

from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.proposal_head import CentreEncoding, rough_masks
from napari_segment_anything.networks.sam import build_sam

SIZE = 64
LEFT, RIGHT = (32, 16), (32, 46)


@pytest.fixture
def maps():
    """Foreground in rows 20..43: up to column 30 one object, from 31 the other."""
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    is_left = x < 31
    centre_x = torch.where(is_left, LEFT[1], RIGHT[1])
    maps = torch.zeros(5, SIZE, SIZE)
    maps[0] = torch.where((y >= 20) & (y < 44), 4.0, -4.0)
    maps[3] = 32 - y
    maps[4] = centre_x - x
    return maps


def left_and_right(maps):
    foreground = maps[0] > 0
    columns = torch.arange(SIZE)
    return foreground & (columns < 31), foreground & (columns >= 31)


def test_a_point_gets_the_pixels_that_point_to_its_centre(maps):
    points = torch.tensor([[[25.0, 5.0]], [[40.0, 60.0]]])
    masks, is_given = rough_masks(maps, points, torch.ones(2, 1), None)
    left, right = left_and_right(maps)
    assert is_given.all()
    assert masks.shape == (2, 1, SIZE, SIZE)
    assert torch.equal(masks[0, 0] > 0, left)
    assert torch.equal(masks[1, 0] > 0, right)


def test_prompts_may_have_maps_of_their_own(maps):
    others = torch.stack([maps, maps.flip(-1)])
    others[1, 4] *= -1  # what lay to the right lies to the left
    points = torch.tensor([[[25.0, 5.0]], [[40.0, 60.0]]])
    boxes = torch.tensor([[19.5, -0.5, 43.5, 30.5], [19.5, 32.5, 43.5, 63.5]])
    for prompts in ((points, torch.ones(2, 1), None), (None, None, boxes)):
        masks, _ = rough_masks(others, *prompts)
        for i, own in enumerate(others):
            of_one = (p if p is None else p[i : i + 1] for p in prompts)
            assert torch.equal(masks[i], rough_masks(own, *of_one)[0][0])


def test_two_points_inside_are_one_object(maps):
    points = torch.tensor([[[25.0, 5.0], [40.0, 60.0], [3.0, 3.0]]])
    masks, is_given = rough_masks(maps, points, torch.tensor([[1, 1, 0]]), None)
    assert is_given.all()
    assert torch.equal(masks[0, 0] > 0, maps[0] > 0)


def test_a_box_gets_the_object_about_its_middle(maps):
    box = torch.tensor([[19.5, 30.5, 43.5, 63.5]])
    masks, is_given = rough_masks(maps, None, None, box)
    assert is_given.all()
    assert torch.equal(masks[0, 0] > 0, left_and_right(maps)[1])


def test_a_point_outside_takes_its_object_away(maps):
    maps[4] = 31.0 - torch.arange(SIZE)  # the head sees one object, centred between
    maps[4, :, 40:] = 46.0 - torch.arange(40, SIZE)
    points = torch.tensor([[[25.0, 5.0], [30.0, 50.0]]])
    masks, _ = rough_masks(maps, points, torch.tensor([[1, 0]]), None)
    columns = torch.arange(SIZE)
    assert torch.equal(masks[0, 0] > 0, (maps[0] > 0) & (columns < 40))


def test_a_point_outside_that_points_to_the_same_centre_takes_nothing_away(maps):
    points = torch.tensor([[[25.0, 5.0], [30.0, 20.0]]])
    masks, _ = rough_masks(maps, points, torch.tensor([[1, 0]]), None)
    assert torch.equal(masks[0, 0] > 0, left_and_right(maps)[0])


def test_prompts_without_a_point_inside_have_no_mask(maps):
    points = torch.tensor([[[25.0, 5.0]], [[25.0, 5.0]]])
    _, is_given = rough_masks(maps, points, torch.tensor([[0], [1]]), None)
    assert is_given.tolist() == [False, True]
    _, is_given = rough_masks(maps, None, None, None)
    assert not is_given.any()


def test_a_point_outside_alone_is_answered_alike_in_any_batch():
    torch.manual_seed(0)
    sam = build_sam(CONFIGS["tiny"])
    points = torch.tensor([[[30.0, 40.0]], [[90.0, 20.0]]])
    labels = torch.tensor([[0], [1]])
    with torch.inference_mode():
        embedding = sam.encode(torch.rand(1, 3, 128, 128) * 255)
        together, _ = sam.decode(embedding, points_xy=points, point_labels=labels)
        alone, _ = sam.decode(embedding, points_xy=points[:1], point_labels=labels[:1])
    torch.testing.assert_close(together[:1], alone, atol=1e-4, rtol=1e-4)


def test_code_of_a_centre_does_not_depend_on_where_a_crop_begins():
    torch.manual_seed(0)
    encoding = CentreEncoding(8, 16)
    features = torch.randn(1, 8, 16, 16)
    with torch.inference_mode():
        whole, _ = encoding(features)
        parts = torch.cat([features[..., 4:12, 6:14], features[..., :8, 8:]])
        codes, _ = encoding(parts, torch.tensor([[4, 6], [0, 8]]))
    expected = torch.cat([whole[..., 4:12, 6:14], whole[..., :8, 8:]])
    torch.testing.assert_close(codes, expected, atol=1e-5, rtol=1e-5)


def test_prompts_of_a_batch_do_not_disturb_each_other():
    torch.manual_seed(0)
    sam = build_sam(CONFIGS["tiny"])
    with torch.inference_mode():
        embedding = sam.encode(torch.rand(1, 3, 128, 128) * 255)
        boxes = torch.tensor([[10.0, 20, 60, 70], [40, 30, 90, 120]])
        together, scores = sam.decode(embedding, boxes_xyxy=boxes)
        for i in range(2):
            alone, score = sam.decode(embedding, boxes_xyxy=boxes[i : i + 1])
            torch.testing.assert_close(together[i : i + 1], alone, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(scores[i : i + 1], score, atol=1e-4, rtol=1e-4)


def test_a_box_has_a_third_embedding_only_where_the_config_says_so():
    box = torch.tensor([[10.0, 20, 60, 70]])
    for has_centre, n_tokens in ((True, 3), (False, 2)):
        sam = build_sam(replace(CONFIGS["tiny"], has_box_centre=has_centre))
        sparse, _ = sam.prompt_encoder(None, None, box, None)
        assert sparse.shape[1] == n_tokens


def test_a_single_answer_can_be_the_best_of_several():
    torch.manual_seed(0)
    config = replace(CONFIGS["tiny"], single_is_best_of_several=True)
    sam = build_sam(config)
    points, labels = torch.rand(5, 1, 2) * 128, torch.ones(5, 1)
    with torch.inference_mode():
        embedding = sam.encode(torch.rand(1, 3, 128, 128) * 255)
        prompts = {"points_xy": points, "point_labels": labels}
        several, scores = sam.decode(embedding, **prompts, multimask=True)
        single, score = sam.decode(embedding, **prompts, multimask=False)
    assert single.shape == (5, 1, 64, 64)
    for i in range(5):
        best = int(scores[i].argmax())
        assert score[i, 0] == scores[i, best]
        assert torch.equal(single[i, 0], several[i, best])
