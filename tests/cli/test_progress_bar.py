from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.cli.progress_bar import ProgressBar
from napari_segment_anything.models.transfer import DownloadProgress


def test_each_stage_ends_with_a_full_bar(capsys):
    with ProgressBar() as bar:
        for done in range(4):
            bar(Progress("detect", done, 3))
        bar(Progress("link", 1, 1))
    said = capsys.readouterr().err
    assert "detect: 100%" in said
    assert "3/3" in said
    assert "link: 100%" in said


def test_bytes_are_counted_in_units_for_people(capsys):
    with ProgressBar("B", "vit_b") as bar:
        bar(DownloadProgress(0, 4_000_000))
        bar(DownloadProgress(4_000_000, 4_000_000))
    said = capsys.readouterr().err
    assert "vit_b" in said
    assert "4.00M/4.00M" in said


def test_a_message_is_shown_once_as_a_line(capsys):
    with ProgressBar() as bar:
        bar(Progress("load", 0, 0, "Loading the model"))
    assert "Loading the model\n" in capsys.readouterr().err
