"""Checkpoints in every published form, and files that are none."""

import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from napari_segment_anything.errors import (
    CheckpointError,
    DeviceError,
    UnknownModelError,
)
from napari_segment_anything.models.catalogue import CATALOGUE
from napari_segment_anything.models.digest import file_digest
from napari_segment_anything.models.files import FOLDER_VARIABLE
from napari_segment_anything.models.load import load_model, load_state_dict
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.sam import build_sam


@pytest.fixture(scope="module")
def weights():
    torch.manual_seed(0)
    return build_sam(CONFIGS["tiny"]).state_dict()


def prefixed(weights, prefix):
    return {prefix + key: value for key, value in weights.items()}


FORMS = {
    "plain": lambda w: w,
    "wrapped_as_model": lambda w: {"model": w},
    "wrapped_as_model_state": lambda w: {"model_state": w, "epoch": 3, "best": 0.5},
    "wrapped_as_state_dict": lambda w: {"state_dict": w},
    "prefixed_with_sam": lambda w: prefixed(w, "sam."),
    "prefixed_with_module_and_sam": lambda w: prefixed(w, "module.sam."),
    "wrapped_and_prefixed": lambda w: {"model_state": prefixed(w, "sam.")},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_every_published_form_is_read(weights, tmp_path, form, is_zip):
    path = tmp_path / "weights.pt"
    torch.save(FORMS[form](weights), path, _use_new_zipfile_serialization=is_zip)
    read = load_state_dict(path)
    assert read.keys() == weights.keys()
    assert all(torch.equal(read[key], weights[key]) for key in weights)


def test_a_predictor_of_a_file_computes_what_the_weights_say(weights, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_file({k: v.contiguous() for k, v in weights.items()}, path)
    predictor = load_model(path, device="cpu")
    assert predictor.config is CONFIGS["tiny"]
    assert predictor.model_digest == file_digest(path)
    assert predictor.model_name == "mine"
    image = np.random.default_rng(0).integers(0, 255, (128, 128, 3)).astype(np.uint8)
    sam = build_sam(CONFIGS["tiny"])
    sam.load_state_dict(weights)
    with torch.inference_mode():
        expected = sam.encode(torch.from_numpy(image).permute(2, 0, 1)[None])
    embedding = predictor.embed(image, intensity_range=(0, 255))
    torch.testing.assert_close(embedding.features.cpu(), expected)


def test_bfloat16_is_used_where_it_is_chosen(weights, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_file({k: v.contiguous() for k, v in weights.items()}, path)
    image = np.random.default_rng(0).integers(0, 255, (128, 128, 3)).astype(np.uint8)
    exact, half = (
        load_model(path, device="cpu", precision=name).embed(image)
        for name in ("float32", "bfloat16")
    )
    assert half.features.dtype == torch.float32
    difference = (exact.features - half.features).std() / exact.features.std()
    assert 0 < float(difference) < 0.03


def test_half_precision_weights_become_single(weights, tmp_path):
    path = tmp_path / "half.safetensors"
    save_file({k: v.half().contiguous() for k, v in weights.items()}, path)
    embedding = load_model(path, device="cpu").embed(np.eye(64))
    assert embedding.features.dtype == torch.float32


class Payload:
    """Unpickling it would call a function, as a hostile file could."""

    def __reduce__(self):
        return (pytest.fail, ("code of the file was executed",))


def broken_zip(path, weights):
    torch.save(weights, path)
    path.write_bytes(path.read_bytes()[:5000])


def broken_legacy(path, weights):
    torch.save(weights, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:5000])


def broken_safetensors(path, weights):
    save_file({k: v.contiguous() for k, v in weights.items()}, path)
    path.write_bytes(path.read_bytes()[:-1000])


NO_CHECKPOINTS = {
    "truncated_zip": broken_zip,
    "truncated_legacy": broken_legacy,
    "truncated_safetensors": broken_safetensors,
    "empty": lambda path, weights: path.write_bytes(b""),
    "text": lambda path, weights: path.write_text("<html>404</html>"),
    "pickled_code": lambda path, weights: path.write_bytes(pickle.dumps(Payload())),
    "zipped_code": lambda path, weights: torch.save({"model": Payload()}, path),
    "no_tensors": lambda path, weights: torch.save({"epoch": 3}, path),
    "no_names": lambda path, weights: torch.save([1, 2], path),
    "nothing": lambda path, weights: torch.save({}, path),
    "another_architecture": lambda path, weights: torch.save(
        torch.nn.Linear(3, 4).state_dict(), path
    ),
    "one_weight_missing": lambda path, weights: torch.save(
        dict(list(weights.items())[:-1]), path
    ),
    "a_directory": lambda path, weights: path.mkdir(),
}


@pytest.mark.parametrize("case", NO_CHECKPOINTS)
def test_a_file_that_is_no_checkpoint_is_one_sentence(weights, tmp_path, case):
    path = tmp_path / "weights.pt"
    NO_CHECKPOINTS[case](path, weights)
    with pytest.raises((CheckpointError, UnknownModelError)) as caught:
        load_model(path)
    message = str(caught.value)
    assert "weights.pt" in message
    assert "\n" not in message


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownModelError, match="vit_b_lm"):
        load_model("vit_x")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def test_weights_that_were_not_fetched_say_how_to_fetch_them(folder):
    with pytest.raises(CheckpointError, match="models fetch vit_t"):
        load_model("vit_t")


def test_another_file_under_a_catalogue_name_is_refused(folder, weights):
    torch.save(weights, folder / CATALOGUE["vit_b"].file_name)
    with pytest.raises(CheckpointError, match="digest"):
        load_model("vit_b")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there(weights, tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(weights, path)
    with pytest.raises(DeviceError):
        load_model(path, device="cuda")
