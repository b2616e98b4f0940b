"""What ``import napari_segment_anything`` offers, and what it leaves alone."""

import importlib.metadata
import subprocess
import sys

import pytest

import napari_segment_anything as package

HEAVY = ("torch", "zarr", "napari", "qtpy", "dask", "pandas", "skimage", "numpy")


@pytest.mark.parametrize("name", package.__all__)
def test_every_public_name_is_there(name):
    assert getattr(package, name) is not None


def test_the_version_is_that_of_the_distribution():
    expected = importlib.metadata.version("napari-segment-anything")
    assert package.__version__ == expected


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError):
        _ = package.no_such_name


@pytest.mark.parametrize(
    "statement",
    [
        "import napari_segment_anything",
        "from napari_segment_anything.cli.main import build_parser; build_parser()",
        "from napari_segment_anything.models.catalogue import CATALOGUE",
    ],
)
def test_importing_loads_nothing_heavy(statement):
    code = f"import sys; {statement}; print(*{HEAVY!r} & sys.modules.keys())"
    code = code.replace(f"*{HEAVY!r} &", f"*set({HEAVY!r}) &")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
