"""From a model's name or a weights file to a predictor."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from napari_segment_anything.engine.device import pick_device
from napari_segment_anything.engine.precision import image_precision
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.errors import CheckpointError, UnknownModelError
from napari_segment_anything.models.catalogue import CATALOGUE, ModelEntry
from napari_segment_anything.models.digest import file_digest, verify
from napari_segment_anything.models.files import find, weights_path
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.inference import prepare_for_inference
from napari_segment_anything.networks.sam import build_sam
from napari_segment_anything.networks.state_dict import infer_config_name, load_into

if TYPE_CHECKING:
    from os import PathLike

_WRAPPERS = ("model", "model_state", "state_dict", "model_state_dict")
_PREFIXES = ("module.", "sam.")


def load_model(
    name_or_path: "str | PathLike[str]" = "nano",
    *,
    device: str | torch.device | None = None,
    precision: str | None = None,
) -> MaskPredictor:
    """Load a model of the catalogue, or a weights file, onto a device.

    Nothing is downloaded: weights that are not on this machine are an error that says
    how to fetch them.

    Parameters
    ----------
    name_or_path : str or path
        A name of `CATALOGUE`, or a ``.pth``, ``.pt`` or ``.safetensors`` file whose
        architecture is recognised from the shapes of its weights.
    device : str or torch.device, optional
        ``"cpu"``, ``"cuda"``, ``"cuda:1"`` …; by default the best one there is.
    precision : str, optional
        Of the image encoder and the mask decoder's image side: ``"float32"``,
        ``"bfloat16"``, or ``"auto"`` for the faster one. By default what the
        environment variable ``NAPARI_SEGMENT_ANYTHING_PRECISION`` says, else
        ``"auto"``. Embeddings, prompts, masks and scores are float32 with either.

    Returns
    -------
    MaskPredictor
        Ready to embed images and answer prompts.

    Raises
    ------
    UnknownModelError
        No model has this name and no file lies at this path.
    CheckpointError
        The weights are not on this machine, damaged, or of no known architecture.
    DeviceError
        The device is not there.
    InvalidSettingsError
        There is no such precision.
    """
    chosen_device = pick_device(device)
    image_dtype = image_precision(chosen_device, precision)
    name = str(name_or_path)
    entry = CATALOGUE.get(name)
    path = Path(name).expanduser() if entry is None else _downloaded(entry)
    if entry is None and not path.is_file():
        known = ", ".join(CATALOGUE)
        raise UnknownModelError(
            f"There is no model and no file named '{name}'; choose one of {known}, or "
            "give the path of a weights file."
        )
    state_dict = load_state_dict(path)
    try:
        architecture = entry.architecture if entry else infer_config_name(state_dict)
        sam = build_sam(CONFIGS[architecture])
        load_into(sam, state_dict)
    except CheckpointError as error:
        raise CheckpointError(f"{path.name}: {error}") from error
    prepare_for_inference(sam, image_dtype)
    return MaskPredictor(
        sam,
        device=chosen_device,
        model_digest=file_digest(path),
        model_name=name if entry else path.stem,
    )


def load_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read the weights of a checkpoint, without executing code that it may contain.

    Parameters
    ----------
    path : Path
        A safetensors file or one written by ``torch.save``; which of the two is told
        from its first bytes. A state dict inside a training checkpoint is taken out,
        and prefixes that all its keys share are removed.

    Returns
    -------
    dict of str to torch.Tensor
        Weights under SAM's names, on the CPU.

    Raises
    ------
    CheckpointError
        The file is truncated, is no checkpoint, or holds something else than weights.
    """
    try:
        content = _read(path)
    except (
        OSError,
        EOFError,
        RuntimeError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        pickle.UnpicklingError,
        SafetensorError,
    ) as error:
        raise CheckpointError(
            f"{path} cannot be read as model weights: it is truncated, or not a "
            "checkpoint of plain tensors; fetch or copy it again."
        ) from error
    return _without_prefixes(_unwrapped(content, path))


def _downloaded(entry: ModelEntry) -> Path:
    path = find(entry)
    if path is None:
        if entry.is_bundled:
            raise CheckpointError(
                f"The bundled model '{entry.name}' is missing from this installation "
                f"({weights_path(entry)}); install the package again, or choose "
                "another model."
            )
        raise CheckpointError(
            f"The weights of '{entry.name}' are not on this machine; fetch them with "
            f"'napari-segment-anything models fetch {entry.name}'."
        )
    if entry.digest and not verify(path, entry.digest):
        raise CheckpointError(
            f"{path} is not the published file of '{entry.name}' (its digest differs); "
            f"delete it and run 'napari-segment-anything models fetch {entry.name}'."
        )
    return path


def _read(path: Path) -> object:
    with path.open("rb") as file:
        head = file.read(9)
    # A safetensors file is an 8-byte length and a JSON object.
    if head[8:] == b"{":
        return load_file(path)
    # Mapping the file keeps one copy of a large model in memory instead of two; only
    # the zip form of torch.save can be mapped.
    return torch.load(
        path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
    )


def _unwrapped(content: object, path: Path) -> dict[str, torch.Tensor]:
    while isinstance(content, Mapping):
        inner = next(
            (content[k] for k in _WRAPPERS if isinstance(content.get(k), Mapping)), None
        )
        if inner is None:
            break
        content = inner
    if not isinstance(content, Mapping) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor)
        for key, value in content.items()
    ):
        raise CheckpointError(
            f"{path} holds something else than named weights; give a file that holds "
            "a state dict of SAM."
        )
    if not content:
        raise CheckpointError(f"{path} holds no weights; fetch or copy it again.")
    return dict(content)


def _without_prefixes(state_dict: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    for prefix in (*_PREFIXES, *_PREFIXES):
        if all(key.startswith(prefix) for key in state_dict):
            state_dict = {k.removeprefix(prefix): v for k, v in state_dict.items()}
    return state_dict
