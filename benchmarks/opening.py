"""How long a dock takes to open, in a viewer with an image, in a process of its own."""

import statistics
import subprocess
import sys

DOCKS = ("Segment Anything", "Embeddings", "Time")
_PROGRAM = """
import sys
import time
import napari
import numpy as np
from qtpy.QtWidgets import QApplication

viewer = napari.Viewer()
viewer.add_image(np.zeros((512, 512), np.uint8))
QApplication.processEvents()
start = time.perf_counter()
viewer.window.add_plugin_dock_widget("napari-segment-anything", sys.argv[1])
QApplication.processEvents()
print("seconds:", time.perf_counter() - start, flush=True)
viewer.close()
"""


def opening_seconds(n_rounds: int = 3) -> dict[str, float]:
    """Open each dock ``n_rounds`` times; return the median seconds by its name."""
    return {
        dock: statistics.median(_open(dock) for _ in range(n_rounds)) for dock in DOCKS
    }


def _open(dock: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, dock],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    (line,) = (x for x in done.stdout.splitlines() if x.startswith("seconds:"))
    return float(line.split()[1])
