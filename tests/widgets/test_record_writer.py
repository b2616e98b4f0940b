import pytest
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_segment_anything.session.record import Record
from napari_segment_anything.widgets.record_writer import RecordWriter

pytestmark = pytest.mark.gui


@pytest.fixture
def writer():
    writer = RecordWriter()
    yield writer
    writer.close()


@pytest.fixture
def accepted(annotator, qtbot):
    annotator.layers.prompts.points.add([0, 24, 104])
    annotator.accept()
    # It is accepted when its mask arrives.
    qtbot.waitUntil(lambda: annotator.session.is_unsaved, timeout=10_000)
    return annotator


def choose(monkeypatch, path):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))


def test_a_record_is_written_and_noted(accepted, writer, monkeypatch, qtbot, tmp_path):
    parent, done = QWidget(), []
    qtbot.addWidget(parent)
    choose(monkeypatch, tmp_path / "a.json")
    with qtbot.waitSignal(writer.said, timeout=5_000) as said:
        writer.save(accepted, parent, lambda: done.append(True))
    assert said.args == ["Wrote a.json."]
    assert len(Record.load(tmp_path / "a.json").actions) == 1
    assert not accepted.session.is_unsaved
    assert done == [True]


@pytest.mark.parametrize("path", ["", "missing/folder/a.json"])
def test_what_is_not_written_stays_unsaved(
    accepted, writer, monkeypatch, qtbot, tmp_path, path
):
    parent, done, failures = QWidget(), [], []
    qtbot.addWidget(parent)
    writer.failed.connect(failures.append)
    choose(monkeypatch, tmp_path / path if path else "")
    writer.save(accepted, parent, lambda: done.append(True))
    qtbot.waitUntil(lambda: not writer.is_busy, timeout=5_000)
    assert accepted.session.is_unsaved
    assert not done
    assert len(failures) == bool(path)
