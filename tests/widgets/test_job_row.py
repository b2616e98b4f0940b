import re

import pytest

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.widgets.job_row import JobRow, describe

pytestmark = pytest.mark.gui


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress("download", 3_400_000, 375_042_383), "Downloading: 3 of 375 MB"),
        (Progress("download", 3_400_000, 0), "Downloading: 3 MB"),
        (Progress("detect", 3, 12), "Detect: 3 of 12"),
        (Progress("load", 0, 0), "Load …"),
    ],
)
def test_progress_in_words(progress, text):
    assert describe(progress) == text


def test_a_large_download_fits_the_bar(qtbot):
    row = JobRow()
    qtbot.addWidget(row)
    row.show_progress(Progress("download", 2_000_000_000, 2_564_550_879))
    assert row.bar.maximum() == 2564
    assert row.bar.value() == 2000


def test_a_message_is_shown_as_it_is(qtbot):
    row = JobRow()
    qtbot.addWidget(row)
    row.show_progress(Progress("link", 0, 0, "Estimating motion."))
    assert row.status.text() == "Estimating motion."


def test_a_long_name_goes_on_in_the_next_line(qtbot):
    row = JobRow()
    qtbot.addWidget(row)
    row.resize(300, 200)
    row.show()
    name = "449a9c32e53a37c8a86e01c199155c8da3958b631088e10f6fe43c2119defe51"
    row.say(f"Added “{name} classes”.")
    label = row.status
    width = 0
    for line in label.text().splitlines():
        parts = re.split("[ \u200b]", line)
        width = max(label.fontMetrics().horizontalAdvance(part) for part in parts)
    assert 0 < width <= label.width()
    assert label.text().replace("\u200b", "") == f"Added “{name} classes”."
