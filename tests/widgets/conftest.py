"""Viewers with and without a window, and a model that can be slow."""

import importlib.util
import os
import time

import numpy as np
import pytest

if importlib.util.find_spec("napari") is None:
    collect_ignore_glob = ["test_*.py"]

SLOW_SECONDS = 0.6
IS_OFFSCREEN = os.environ.get("QT_QPA_PLATFORM") == "offscreen"
if IS_OFFSCREEN:
    os.environ["QT_QPA_OFFSCREEN_NO_GLX"] = "1"


@pytest.fixture(scope="session", autouse=IS_OFFSCREEN)
def _no_opengl():
    """Without a display there is no OpenGL: answer what napari asks of it.

    Never together with real OpenGL, which crashes.
    """
    pytest.importorskip("vispy")
    import vispy.gloo.gl
    from vispy.gloo.gl import _pyopengl2

    extensions, max_texture_size, max_3d_texture_size = 7939, 3379, 32883
    answers = {
        extensions: "GL_ARB_texture_float",
        max_texture_size: 16384,
        max_3d_texture_size: 2048,
    }

    def get_parameter(name):
        return answers.get(int(name), 0)

    for module in (vispy.gloo.gl, _pyopengl2):
        module.glGetParameter = get_parameter


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    """Keep embeddings of tests out of the cache of this machine's user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "napari_segment_anything" / "embeddings"


@pytest.fixture
def viewer_model(qapp):
    """A viewer without a window."""
    from napari.components import ViewerModel

    return ViewerModel()


@pytest.fixture
def predictor():
    """Segments bright objects."""
    from bright_sam import bright_predictor

    return bright_predictor()


@pytest.fixture
def slow_predictor():
    """Segments bright objects, but works on each image for a moment."""
    from bright_sam import bright_predictor

    predictor = bright_predictor()
    encode = predictor._sam.encode

    def encode_slowly(images):
        end = time.monotonic() + SLOW_SECONDS
        matrix = np.ones((300, 300))
        while time.monotonic() < end:
            matrix = matrix @ matrix / 300
        return encode(images)

    predictor._sam.encode = encode_slowly
    return predictor


@pytest.fixture
def store():
    from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

    return MemoryEmbeddingStore()


@pytest.fixture
def movie(disks_image):
    """Three frames of 96 × 128 pixels; the disks move by (2, 5) pixels a frame."""
    steps = range(3)
    return np.stack(
        [np.roll(disks_image.image, (2 * t, 5 * t), axis=(0, 1)) for t in steps]
    )


@pytest.fixture
def annotator(viewer_model, movie, predictor, store):
    """Annotates the movie in a viewer without a window; the model is loaded."""
    from napari_segment_anything.widgets.annotator import Annotator

    image = viewer_model.add_image(
        movie, name="movie", scale=(1, 0.5, 0.5), translate=(0, 10, 20)
    )
    viewer_model.dims.set_point(0, 0)
    annotator = Annotator(viewer_model, image, "TYX")
    annotator.set_model(predictor, store)
    annotator.start()
    yield annotator
    annotator.close()


@pytest.fixture
def errors(monkeypatch):
    """Errors that docks have shown."""
    from napari_segment_anything.widgets import dock

    shown = []
    monkeypatch.setattr(dock, "show_error", shown.append)
    return shown


@pytest.fixture
def docks(qtbot, monkeypatch, predictor, errors):
    """Make docks, and close them when the test ends."""
    from napari_segment_anything.models import load

    monkeypatch.setattr(load, "load_model", lambda name, device=None: predictor)
    made = []

    def make(dock_class, viewer):
        made.append(dock_class(viewer))
        return made[-1]

    yield make
    for dock in made:
        dock.close()
        dock.deleteLater()
