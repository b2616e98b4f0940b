import subprocess
import sys

import pytest

pytestmark = pytest.mark.gui

# The viewer is kept, and Qt takes what belongs to it when the program ends.
SCRIPT = """
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
from napari_segment_anything.widgets.plane_watch import PlaneWatch

class Layers:
    plane, are_shown = 0, True

app = QApplication([])
viewer = ViewerModel()
watch = PlaneWatch(viewer, Layers())
timer = watch._rest
timer.deleteLater()
app.sendPostedEvents(timer, 52)
try:
    timer.stop()
except RuntimeError:
    print("Qt has taken the timer")
watch.close()

"""


def test_closing_after_qt_has_taken_the_timer_is_quiet():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert done.stdout.split("\n")[:1] == ["Qt has taken the timer"]
