import numpy as np
import pytest
import tifffile
import torch

from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.sam import build_sam


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A weights file of a few thousand random numbers."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state_dict = build_sam(CONFIGS["tiny"]).state_dict()
    path = tmp_path_factory.mktemp("weights") / "tiny.pt"
    torch.save(state_dict, path)
    return path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Keep the caches of this machine's user out of the tests, and the other way."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NAPARI_SEGMENT_ANYTHING_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


@pytest.fixture
def movie(tmp_path):
    """A TIFF of four frames with two bright squares that move."""
    frames = np.full((4, 48, 64), 100, np.uint16)
    for t in range(4):
        frames[t, 8:20, 4 + 2 * t : 18 + 2 * t] = 3000
        frames[t, 28:40, 40 - 2 * t : 54 - 2 * t] = 3000
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, frames, imagej=True, metadata={"axes": "TYX"})
    return path
