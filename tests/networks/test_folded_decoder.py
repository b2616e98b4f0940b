"""The folded mask decoder against the plain one, which has gradients."""

import copy
import pickle

import pytest
import torch

from napari_segment_anything.networks import (
    folded_attention,
    folded_transformer,
    layers,
    mask_decoder,
    token_upscaling,
)
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.folded_attention import Look
from napari_segment_anything.networks.mask_decoder import MaskDecoder
from napari_segment_anything.networks.sam import Sam
from napari_segment_anything.networks.two_way_transformer import TwoWayTransformer

DIM = 16


def build_decoder(dtype=torch.float64) -> MaskDecoder:
    torch.manual_seed(0)
    transformer = TwoWayTransformer(depth=2, dim=DIM, n_heads=2, mlp_dim=32)
    decoder = MaskDecoder(DIM, transformer, 3, 3, DIM).to(dtype).eval()
    decoder.image_dtype = dtype
    with torch.no_grad():
        for parameter in decoder.parameters():  # no bias or norm is trivial
            parameter += 0.2 * torch.randn_like(parameter)
    return decoder


def random(*shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def as_card(monkeypatch):
    """What a card would do, on the CPU."""
    for module in (folded_attention, layers, mask_decoder, token_upscaling):
        monkeypatch.setattr(module, "is_card", lambda _: True)
    monkeypatch.setattr(token_upscaling, "_ROWS_OF_A_CARD", 100)


def decode_both_ways(decoder, *arguments):
    plain = decoder.decode_all(*arguments)
    assert plain[0].requires_grad
    with torch.inference_mode():
        folded = decoder.decode_all(*arguments)
    return folded, [answer.detach() for answer in plain]


@pytest.mark.parametrize("n_objects", [1, 2, 5])
@pytest.mark.parametrize("n_sparse", [0, 2, 21])
@pytest.mark.parametrize("shape", [(4, 4), (3, 5)])
@pytest.mark.parametrize("images", ["shared", "dense", "own", "own_place"])
@pytest.mark.parametrize("device", ["processor", "card"])
def test_the_folded_form_computes_the_same(
    request, device, n_objects, n_sparse, shape, images
):
    if device == "card":
        request.getfixturevalue("as_card")
    decoder = build_decoder()
    n_images = n_objects if images.startswith("own") else 1
    n_places = n_objects if images == "own_place" else 1
    dense = (1, DIM, 1, 1) if images == "shared" else (n_objects, DIM, *shape)
    folded, plain = decode_both_ways(
        decoder,
        random(n_images, DIM, *shape),
        random(n_places, DIM, *shape, seed=2),
        random(n_objects, n_sparse, DIM, seed=3),
        random(*dense, seed=4),
        slice(1, None),
    )
    assert folded[0].shape == (n_objects, 3, 4 * shape[0], 4 * shape[1])
    torch.testing.assert_close(list(folded), plain)


def test_blocks_of_tokens_leave_no_trace(monkeypatch):
    decoder = build_decoder()
    arguments = (
        random(1, DIM, 4, 4),
        random(1, DIM, 4, 4, seed=2),
        random(3, 2, DIM, seed=3),
        random(1, DIM, 1, 1, seed=4),
    )
    _, plain = decode_both_ways(decoder, *arguments)
    for module in (folded_transformer, token_upscaling):
        monkeypatch.setattr(module, "_TOKENS_IN_CACHE", 5)
    with torch.inference_mode():
        torch.testing.assert_close(list(decoder.decode_all(*arguments)), plain)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_masks_of_prompts_below_the_floor_stay_empty(share):
    decoder = build_decoder()
    arguments = (
        random(1, DIM, 4, 4),
        random(1, DIM, 4, 4, seed=2),
        random(5, 2, DIM, seed=3),
        random(1, DIM, 1, 1, seed=4),
        slice(1, None),
    )
    with torch.inference_mode():
        expected, scores = decoder.decode_all(*arguments)
        best = scores[:, 1:].amax(1)
        floor = float(
            best.sort().values[-1] + 1 if share == 0 else best.quantile(1 - share)
        )
        found, same = decoder.decode_all(*arguments, iou_floor=floor)
    is_kept = best >= floor
    assert int(is_kept.sum()) == round(5 * share)
    torch.testing.assert_close(same, scores)
    torch.testing.assert_close(found[is_kept], expected[is_kept])
    assert bool((found[~is_kept] < 0).all())


def test_a_block_too_far_from_the_others_weighs_nothing():
    """Scores a thousand apart: exponentials must neither overflow nor vanish."""
    torch.manual_seed(0)
    attention = build_decoder(torch.float32).transformer.final_attn_token_to_image
    image, tokens = torch.randn(1, 12, DIM), 400 * torch.randn(1, 3, DIM)
    look = Look.create(attention, tokens, torch.float32)
    everything = slice(None)
    parts = [
        look.at(image[:, part], torch.zeros(1, 1, DIM), everything)
        for part in (slice(0, 5), slice(5, 12))
    ]
    found = look.project(Look.join(parts))
    torch.testing.assert_close(found, attention(tokens, image, image))


def test_no_prompt_has_no_mask():
    decoder = build_decoder()
    with torch.inference_mode():
        logits, scores = decoder.decode_all(
            random(1, DIM, 4, 4),
            random(1, DIM, 4, 4),
            random(0, 2, DIM),
            random(1, DIM, 1, 1),
        )
    assert logits.shape == (0, 4, 16, 16)
    assert scores.shape == (0, 4)


class TestWhatIsKeptOfTheLastImage:
    """Each change of an input must be seen, although the image is the same."""

    def setup_method(self):
        self.decoder = build_decoder()
        self.embedding = random(1, DIM, 4, 4)
        self.image_pe = random(1, DIM, 4, 4, seed=2)
        self.sparse = random(2, 2, DIM, seed=3)
        self.dense = random(1, DIM, 1, 1, seed=4)

    def check(self):
        folded, plain = decode_both_ways(
            self.decoder, self.embedding, self.image_pe, self.sparse, self.dense
        )
        torch.testing.assert_close(list(folded), plain)

    def kept(self):
        return self.decoder._shared_side._kept

    def test_it_is_used_again(self):
        self.check()
        first = self.kept()
        self.sparse = random(3, 1, DIM, seed=5)
        self.check()
        assert self.kept() is first

    @pytest.mark.parametrize("name", ["embedding", "image_pe", "dense"])
    def test_another_input(self, name):
        self.check()
        setattr(self, name, getattr(self, name) + 1)
        self.check()

    def test_other_weights(self):
        self.check()
        with torch.no_grad():
            for parameter in self.decoder.parameters():
                parameter.mul_(1.1)
        self.check()

    def test_a_dense_embedding_that_changes_in_place(self):
        self.check()
        self.dense += 1
        self.check()

    def test_copies_begin_empty(self):
        self.check()
        for other in (
            copy.deepcopy(self.decoder),
            pickle.loads(pickle.dumps(self.decoder)),
        ):
            assert other._shared_side._kept is None
            assert other.state_dict().keys() == self.decoder.state_dict().keys()

    def test_the_image_is_not_kept_alive(self):
        self.check()
        kept = self.kept()
        del self.embedding
        assert kept.embedding() is None


@pytest.mark.parametrize("device", ["processor", "card"])
def test_bfloat16_on_the_image_side_moves_masks_little(request, device):
    if device == "card":
        request.getfixturevalue("as_card")
    torch.manual_seed(0)
    sam = Sam(CONFIGS["tiny"]).eval()
    embedding = torch.randn(1, 32, 16, 16)
    points = torch.rand(6, 1, 2) * 127
    prompts = {"points_xy": points, "point_labels": torch.ones(6, 1, dtype=torch.int64)}
    with torch.inference_mode():
        exact, _ = sam.decode(embedding, **prompts)
        sam.mask_decoder.image_dtype = torch.bfloat16
        half, scores = sam.decode(embedding, **prompts)
    assert half.dtype == scores.dtype == torch.float32
    assert not torch.equal(exact, half)
    assert float((exact - half).norm() / exact.norm()) < 0.03


@pytest.mark.usefixtures("as_card")
def test_a_card_leaves_what_it_was_given():
    """Prompts with images of their own, which it may work on in place."""
    decoder = build_decoder()
    given = (
        random(3, DIM, 4, 4),
        random(3, DIM, 4, 4, seed=2),
        random(3, 2, DIM, seed=3),
        random(1, DIM, 1, 1, seed=4),
    )
    before = [x.clone() for x in given]
    with torch.inference_mode():
        first = decoder.decode_all(*given)
        second = decoder.decode_all(*given)
    assert all(map(torch.equal, before, given))
    assert all(map(torch.equal, first, second))


@pytest.mark.usefixtures("as_card")
def test_prompts_of_several_batches_on_a_card(monkeypatch):
    decoder = build_decoder()
    arguments = (
        random(1, DIM, 4, 4),
        random(1, DIM, 4, 4, seed=2),
        random(5, 2, DIM, seed=3),
        random(1, DIM, 1, 1, seed=4),
    )
    monkeypatch.setattr(mask_decoder, "_PROMPTS_ON_CARD", 2)
    folded, plain = decode_both_ways(decoder, *arguments)
    torch.testing.assert_close(list(folded), plain)
