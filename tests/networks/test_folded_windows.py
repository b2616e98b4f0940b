"""Folded windows on a card: kept between layers, filled with few wide copies.

What they compute is tested in `test_grid_attention`.
"""

import pytest
import torch
from torch.profiler import profile

from napari_segment_anything.networks import folded_windows, image_encoder
from napari_segment_anything.networks.config import CONFIGS, ViTConfig
from napari_segment_anything.networks.folded_windows import (
    FoldedRoom,
    FoldedWindows,
    distance_table,
)
from napari_segment_anything.networks.image_encoder import ImageEncoderViT
from napari_segment_anything.networks.inference import prepare_for_inference
from napari_segment_anything.networks.sam import Sam

SIZE, N_HEADS, DIM = 3, 2, 8
GRID = torch.Size((2, 7, 5))


@pytest.fixture
def as_card(monkeypatch):
    """What a card would do, on the CPU."""
    for module in (folded_windows, image_encoder):
        monkeypatch.setattr(module, "is_card", lambda _: True)


def tokens(seed, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    qkv = torch.randn(*GRID, 3 * N_HEADS * DIM, generator=generator).to(dtype)
    padding = torch.randn(3 * N_HEADS * DIM, generator=generator).to(dtype)
    tables = torch.randn(2, 2 * SIZE - 1, DIM, generator=generator).to(dtype)
    return qkv, padding, distance_table(*tables)


def attend(windows, qkv, padding, distances):
    windows.write(qkv, padding)
    return windows.attend(distances)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    config = ViTConfig(embed_dim=32, depth=5, n_heads=2, global_blocks=(1, 4))
    encoder = ImageEncoderViT(config, image_size=320, out_dim=16).eval()
    for name, parameter in encoder.named_parameters():
        if "rel_pos" in name or "pos_embed" in name or "bias" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return encoder.requires_grad_(False)


def test_a_card_finds_the_embedding_that_the_processor_finds(
    encoder, request, monkeypatch
):
    monkeypatch.setattr(image_encoder, "_TOKENS_IN_MLP_OF_A_CARD", 300)
    images = torch.rand(2, 3, 320, 320, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = encoder(images)
        request.getfixturevalue("as_card")
        fresh = encoder(images)
        encoder.fix_distances()
        fixed = encoder(images)
    assert torch.equal(fresh, fixed)
    torch.testing.assert_close(fixed, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("as_card")
def test_a_card_in_bfloat16_moves_the_embedding_little(encoder):
    images = torch.rand(1, 3, 320, 320, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = encoder(images)
        encoder.fix_distances()
        found = encoder.bfloat16()(images.bfloat16()).float()
    assert float((found - expected).norm() / expected.norm()) < 0.03


@pytest.mark.usefixtures("as_card")
def test_images_in_any_order_of_memory_are_left_as_they_were(encoder):
    images = torch.rand(2, 3, 320, 320, generator=torch.Generator().manual_seed(1))
    given = images.clone()
    with torch.inference_mode():
        expected = encoder(given)
        last = given.contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(encoder(last), expected)
    assert torch.equal(given, images)


@pytest.mark.usefixtures("as_card")
def test_layers_of_one_shape_share_memory_and_nothing_else():
    room = FoldedRoom()
    first, second = (tokens(seed) for seed in (1, 2))
    shape = GRID, SIZE, N_HEADS, DIM
    kept = room.get(first[0], *shape)
    attend(kept, *first)
    assert room.get(second[0], *shape) is kept
    fresh = FoldedWindows(second[0], *shape)
    assert torch.equal(attend(kept, *second), attend(fresh, *second))


@pytest.mark.usefixtures("as_card")
@pytest.mark.parametrize(
    "shape",
    [
        (torch.Size((1, 7, 5)), SIZE, N_HEADS, DIM),
        (GRID, 7, N_HEADS, DIM),
        (GRID, SIZE, 1, DIM),
        (GRID, SIZE, N_HEADS, 4),
    ],
)
def test_layers_of_another_shape_have_memory_of_their_own(shape):
    like, room = torch.zeros(1), FoldedRoom()
    kept = room.get(like, GRID, SIZE, N_HEADS, DIM)
    assert room.get(like, *shape) is not kept
    assert room.get(like.bfloat16(), GRID, SIZE, N_HEADS, DIM) is not kept
    assert room.get(like, GRID, SIZE, N_HEADS, DIM) is kept


def test_a_processor_keeps_no_windows():
    like, room = torch.zeros(1), FoldedRoom()
    shape = GRID, SIZE, N_HEADS, DIM
    assert room.get(like, *shape) is not room.get(like, *shape)


@pytest.mark.usefixtures("as_card")
def test_a_layer_copies_each_token_once_in_and_once_out():
    """Whole windows, two edges, the corner; in, out; two paddings and two biases."""
    windows = FoldedWindows(torch.zeros(1), GRID, SIZE, N_HEADS, DIM)
    qkv, padding, distances = tokens(1)
    with torch.inference_mode(), profile() as record:
        attend(windows, qkv, padding, distances)
    counts = {event.key: event.count for event in record.key_averages()}
    assert counts["aten::copy_"] == 4 + 2 + 2 + 4
    for name in ("aten::clone", "aten::cat", "aten::contiguous", "aten::zero_"):
        assert name not in counts


def test_distances_follow_the_model_and_stay_out_of_its_state():
    torch.manual_seed(0)
    config = ViTConfig(embed_dim=32, depth=1, n_heads=2, global_blocks=())
    sam = Sam(type(CONFIGS["vit_b"])("small", config, image_size=128)).eval()
    torch.nn.init.normal_(sam.image_encoder.blocks[0].attn.rel_pos_h)
    keys = sam.state_dict().keys()
    prepare_for_inference(sam, torch.bfloat16)
    attention = sam.image_encoder.blocks[0].attn
    expected = distance_table(attention.rel_pos_h, attention.rel_pos_w)
    assert attention.distances.dtype == torch.bfloat16
    torch.testing.assert_close(attention.distances, expected, rtol=0.02, atol=1e-3)
    assert sam.state_dict().keys() == keys
    exact = {key: torch.randn_like(x.float()) for key, x in sam.state_dict().items()}
    sam.image_encoder.float()
    sam.load_state_dict(exact)
    tables = attention.rel_pos_h, attention.rel_pos_w
    assert torch.equal(attention.distances, distance_table(*tables))
    assert sam.to("meta").image_encoder.blocks[0].attn.distances.is_meta
