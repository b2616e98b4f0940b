"""Windows of the image embedding about prompts, on hand-made extents and masks."""

import pytest
import torch

from napari_segment_anything.networks.prompt_batch import PromptBatch
from napari_segment_anything.networks.token_windows import (
    TokenWindows,
    fitting_sides,
    is_cut,
    known_extents,
    place_windows,
    window_sides,
)

GRID = 64
STRIDE = 2.0


def test_sides_double_until_all_is_seen():
    assert window_sides(16, 64) == [16, 32, 64]
    assert window_sides(16, 40) == [16, 32, 40]
    assert window_sides(0, 64) == [64]
    assert window_sides(64, 64) == [64]


def test_extent_is_of_mask_points_inside_and_box():
    mask = torch.full((1, 1, 256, 256), -1.0)
    mask[0, 0, 100:110, 40:60] = 1.0
    of_mask = known_extents(PromptBatch(masks=mask), STRIDE)
    assert of_mask.tolist() == [[100, 40, 110, 60]]
    # (x, y) in frame pixels; the second one is outside of the object.
    points = torch.tensor([[[19.5, 239.5], [499.5, 499.5]]])
    labels = torch.tensor([[1, 0]])
    both = known_extents(PromptBatch(points, labels, masks=mask), STRIDE)
    assert both.tolist() == [[100, 10, 120, 60]]
    box = torch.tensor([[99.5, 19.5, 119.5, 59.5]])
    of_box = known_extents(PromptBatch(boxes_xyxy=box), STRIDE)
    assert of_box.tolist() == [[10, 50, 30, 60]]


def test_a_mask_that_is_not_given_says_nothing():
    mask = torch.ones(2, 1, 256, 256)
    prompts = PromptBatch(
        torch.tensor([[[19.5, 239.5]], [[19.5, 239.5]]]),
        torch.tensor([[1], [0]]),
        masks=mask,
        is_mask_given=torch.tensor([False, False]),
    )
    extents = known_extents(prompts, STRIDE)
    assert extents[0].tolist() == [120, 10, 120, 10]
    assert extents[1].isinf().all()
    sides = [16, 32, GRID]
    assert fitting_sides(extents, sides).tolist() == [0, 2]
    assert place_windows(extents[1:], GRID, GRID).corners == [(0, 0)]


def test_windows_show_an_extent_with_a_margin():
    generator = torch.Generator().manual_seed(0)
    low = torch.rand(200, 2, generator=generator) * 150
    size = torch.rand(200, 2, generator=generator) * 105
    extents = torch.cat([low, low + size], 1)
    sides = [16, 32, GRID]
    level = fitting_sides(extents, sides)
    assert set(level.tolist()) == {0, 1, 2}
    for extent, k in zip(extents, level, strict=True):
        windows = place_windows(extent[None], sides[k], GRID)
        ((y, x),) = windows.corners
        assert 0 <= y <= GRID - sides[k]
        assert 0 <= x <= GRID - sides[k]
        # Two tokens at least remain on each side that does not cut the frame.
        for first, low_end, high_end in ((y, 0, 2), (x, 1, 3)):
            end = first + sides[k]
            assert first == 0 or extent[low_end] >= 4 * (first + 2)
            assert end == GRID or extent[high_end] <= 4 * (end - 2)


def test_cut_and_paste_are_inverse():
    maps = torch.randn(2, 3, 32, 32)
    windows = TokenWindows(2, [(1, 5), (6, 0), (3, 3)])
    rows = [1, 0, 1]
    cut = windows.cut(maps, rows, scale=4)
    assert torch.equal(cut[1], maps[0, :, 24:32, 0:8])
    canvas = torch.zeros(3, 3, 32, 32)
    windows.paste(cut, canvas, [2, 0, 1])
    assert torch.equal(canvas[2, :, 4:12, 20:28], cut[0])
    assert int((canvas != 0).sum()) == cut.numel()


def test_on_a_card_the_same_is_cut_at_once():
    maps = torch.randn(2, 3, 32, 32)
    windows = TokenWindows(2, [(1, 5), (6, 0), (3, 3)])
    rows = [1, 0, 1]
    places = windows._places(rows, maps.device, scale=4)
    cut = maps.permute(0, 2, 3, 1)[places].permute(0, 3, 1, 2)
    assert torch.equal(cut, windows.cut(maps, rows, scale=4))


@pytest.mark.parametrize(
    ("corner", "pixel", "expected"),
    [
        ((0, 0), (0, 5), False),  # at the edge of the frame
        ((0, 0), (7, 5), True),
        ((2, 2), (0, 5), True),
        ((2, 2), (5, 0), True),
        ((2, 2), (5, 7), True),
        ((2, 2), (3, 3), False),
        ((14, 14), (7, 7), False),
    ],
)
def test_masks_that_reach_an_inner_edge_are_cut(corner, pixel, expected):
    logits = torch.full((1, 2, 8, 8), -1.0)
    logits[0, 1, pixel[0], pixel[1]] = 1.0
    windows = TokenWindows(2, [corner])
    assert is_cut(logits, torch.tensor([[0.1, 0.9]]), windows, 16).item() is expected
    assert not is_cut(logits, torch.tensor([[0.9, 0.1]]), windows, 16).item()
