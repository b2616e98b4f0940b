"""A model made ready to answer gives the answers it gave before."""

import pytest
import torch
from torch import nn

from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.inference import (
    fold_batch_norms,
    prepare_for_inference,
)
from napari_segment_anything.networks.sam import Sam


@pytest.fixture
def sam():
    torch.manual_seed(0)
    sam = Sam(CONFIGS["tiny"]).eval()
    for module in sam.modules():
        if isinstance(module, nn.BatchNorm2d):  # not the identity
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.weight, 1, 0.2)
            nn.init.normal_(module.bias)
    return sam


@pytest.fixture
def image():
    return torch.rand(2, 3, 128, 100, generator=torch.Generator().manual_seed(1)) * 255


def test_folding_leaves_no_batch_norm_and_the_same_embedding(sam, image):
    with torch.inference_mode():
        expected = sam.encode(image)
        prepare_for_inference(sam)
        found = sam.encode(image)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in sam.image_encoder.modules())
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_places_of_image_tokens_are_computed_once_and_follow_the_model(sam):
    expected = sam.prompt_encoder.dense_pe()
    keys = sam.state_dict().keys()
    prepare_for_inference(sam)
    found = sam.prompt_encoder.dense_pe()
    torch.testing.assert_close(found, expected)
    assert sam.prompt_encoder.dense_pe() is found
    assert {k for k in sam.state_dict() if k.startswith("prompt")} == {
        k for k in keys if k.startswith("prompt")
    }
    assert sam.to("meta").prompt_encoder.dense_pe().is_meta


def test_only_a_norm_right_behind_a_convolution_is_folded():
    network = nn.Sequential(
        nn.Conv2d(2, 3, 1), nn.ReLU(), nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1, bias=False)
    ).eval()
    nn.init.normal_(network[2].running_mean)
    image = torch.randn(1, 2, 4, 4)
    with torch.inference_mode():
        expected = network(image)
        fold_batch_norms(network)
        torch.testing.assert_close(network(image), expected)
    assert isinstance(network[2], nn.BatchNorm2d)


def test_bfloat16_moves_the_embedding_little_and_keeps_its_type(sam, image):
    with torch.inference_mode():
        expected = sam.encode(image)
        prepare_for_inference(sam, torch.bfloat16)
        found = sam.encode(image)
    assert found.dtype == torch.float32
    assert found.is_contiguous()
    assert not torch.equal(found, expected)
    assert float((found - expected).std() / expected.std()) < 0.03


def test_a_vision_transformer_runs_in_bfloat16():
    torch.manual_seed(0)
    config = CONFIGS["vit_b"]
    small = type(config.image_encoder)(
        embed_dim=32, depth=2, n_heads=2, global_blocks=(1,), window_size=3
    )
    sam = Sam(type(config)("small", small, image_size=128)).eval()
    image = torch.rand(1, 3, 128, 128) * 255
    with torch.inference_mode():
        expected = sam.encode(image)
        prepare_for_inference(sam, torch.bfloat16)
        found = sam.encode(image)
    assert float((found - expected).std() / expected.std()) < 0.03
