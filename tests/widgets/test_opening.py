"""How much opening a dock costs: nobody waits for what is not used yet."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.gui

_OPEN = """
import sys
import napari
import numpy as np
from qtpy.QtTest import QTest

viewer = napari.Viewer(show=False)
viewer.add_image(np.zeros((64, 64), np.uint8))
before = set(sys.modules)
viewer.window.add_plugin_dock_widget("napari-segment-anything", sys.argv[1])
QTest.qWait(300)
heavy = {"torch", "zarr", "tifffile", "safetensors"}
print("loaded:", *sorted(heavy & (set(sys.modules) - before)))
viewer.close()
"""


@pytest.mark.parametrize("dock", ["Segment Anything", "Time"])
def test_opening_a_dock_loads_neither_torch_nor_readers(dock):
    done = subprocess.run(
        [sys.executable, "-c", _OPEN, dock],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    said = [line for line in done.stdout.splitlines() if line.startswith("loaded:")]
    assert said == ["loaded:"], done.stderr
