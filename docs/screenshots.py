"""Make the pictures of the dock that the documentation shows, from real images.

Needs a display (on a server: ``xvfb-run -a -s "-screen 0 1600x1200x24"``), the extra
``all``, and a folder with two published data sets whose images may be shown:

- ``dsb2018/images``, nuclei of the 2018 Data Science Bowl (BBBC038v1, CC0),
- ``usiigaci_t98g_timelapse/01``, T98G cells in phase contrast, the example movie of
  Usiigaci (MIT, © 2018 Okinawa Institute of Science and Technology).

Where they are missing, nothing is made. Run from the root of the repository::

    python docs/screenshots.py --data ../shared/data --output docs/images
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import napari
import numpy as np
from napari.utils.notifications import notification_manager
from PIL import Image
from qtpy.QtWidgets import QApplication, QDockWidget, QScrollArea, QWidget

from napari_segment_anything.stacks.open import open_stack
from napari_segment_anything.widgets.cheat_sheet import CheatSheet
from napari_segment_anything.widgets.embeddings_dock import EmbeddingsDock
from napari_segment_anything.widgets.segment_dock import SegmentDock
from napari_segment_anything.widgets.time_dock import TimeDock

IMAGE = (
    "dsb2018/images/"
    "449a9c32e53a37c8a86e01c199155c8da3958b631088e10f6fe43c2119defe51.png"
)
MOVIE = "usiigaci_t98g_timelapse/01"
WINDOW_SIZE = (1280, 860)
NARROW_WIDTH = 320
NARROW_HEIGHT = 1060
TIMEOUT_SECONDS = 600


def wait_until(is_done: Callable[[], bool]) -> None:
    """Let the window work until something has happened."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while not is_done():
        if time.monotonic() > end:
            raise TimeoutError("The picture did not become ready.")
        QApplication.processEvents()
        time.sleep(0.01)


def rest(seconds: float) -> None:
    """Let the window draw."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end)


class Stage:
    """One viewer with the dock, and a place to put its pictures."""

    def __init__(self, output: Path, model: str, theme: str) -> None:
        self.output = output
        self.theme = theme
        self.viewer = napari.Viewer(show=True)
        self.viewer.theme = theme
        self.viewer.window.resize(*WINDOW_SIZE)
        self.dock = SegmentDock(self.viewer)
        self.dock_widget = self.viewer.window.add_dock_widget(
            self.dock, name="Segment Anything", area="right"
        )
        if Path(model).is_file():
            self.dock.form.model.add_file(model)

    def start(self) -> None:
        """Press *Start annotating* and wait for the model and the first plane."""
        self.dock.form.start.click()
        wait_until(lambda: self.dock.jobs.model is not None)
        self.settle()

    def settle(self) -> None:
        """Wait until nothing runs any more."""
        rest(0.3)
        wait_until(
            lambda: (
                not self.dock.jobs.worker.is_busy
                and (self.dock.annotator is None or not self.dock.annotator.is_thinking)
            )
        )
        rest(0.3)

    def save(self, name: str) -> None:
        """Write a picture of the window."""
        # The canvas has become narrower since the image was added.
        self.viewer.reset_view()
        rest(0.5)
        pixels = self.viewer.screenshot(canvas_only=False, flash=False)
        self.write(Image.fromarray(pixels), name)

    def save_widget(self, widget: QWidget, name: str) -> None:
        """Write a picture of a widget."""
        with TemporaryDirectory() as folder:
            path = str(Path(folder) / "widget.png")
            widget.grab().save(path)
            self.write(Image.open(path), name)

    def write(self, picture: Image.Image, name: str) -> None:
        """Write a picture with few colours, which is a small file.

        The pages show dark windows, whose pictures have no theme in their names.
        """
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        is_usual = self.theme == "dark" and not name.endswith("_narrow")
        name = name if is_usual else f"{name}_{self.theme}"
        few.save(self.output / f"{name}.png", optimize=True)

    def save_narrow(self, name: str) -> None:
        """Write a picture of the dock at the smallest width it is made for."""
        self.save_alone(self.dock_widget, name)

    def save_alone(self, dock_widget: QDockWidget, name: str) -> None:
        """Write a picture of one dock, as narrow as it can be."""
        dock_widget.setFloating(True)
        dock_widget.resize(NARROW_WIDTH, NARROW_HEIGHT)
        rest(0.5)
        for area in dock_widget.findChildren(QScrollArea):
            area.verticalScrollBar().setValue(0)
        self.save_widget(dock_widget, name)
        dock_widget.setFloating(False)

    def close(self) -> None:
        """Close the window."""
        self.viewer.close()
        rest(0.2)


def show_prompts(stage: Stage, image: np.ndarray, name: str) -> None:
    """Two accepted objects, and one that is being drawn."""
    stage.viewer.add_image(image, name=name)
    stage.start()
    annotator = stage.dock.annotator
    height, width = image.shape[:2]
    if annotator is None:
        raise RuntimeError("The dock did not start.")
    # Objects are taken from everything mode, so that the clicks lie on some.
    stage.dock.form.everything_plane.click()
    stage.settle()
    labels = np.array(annotator.layers.results.layer.data)
    annotator.undo()
    stage.settle()
    ids, counts = np.unique(labels[labels > 0], return_counts=True)
    places = np.array([np.argwhere(labels == i).mean(axis=0) for i in ids])
    # Of usual size, and in the middle of the picture.
    is_usual = counts > np.median(counts) / 2
    from_middle = np.hypot(*(places - np.array(labels.shape) / 2).T)
    centres = places[is_usual][np.argsort(from_middle[is_usual])][:3]
    for centre in centres[:2]:
        annotator.layers.prompts.points.add(centre)
        stage.settle()
        annotator.accept()
    y, x = centres[2] if len(centres) > 2 else (height / 2, width / 2)
    annotator.layers.prompts.points.add([y, x])
    annotator.layers.prompts.polarity = "outside"
    annotator.layers.prompts.points.add([y, min(width - 1, x + width / 12)])
    annotator.layers.prompts.polarity = "inside"
    stage.settle()
    stage.save("dock_prompts")


def show_review(stage: Stage) -> None:
    """Everything mode on the same image, and the most doubtful object open."""
    form = stage.dock.form
    form.clear.click()
    form.everything_plane.click()
    stage.settle()
    form.review.fold.button.setChecked(True)
    form.review.next.click()
    stage.settle()
    rest(0.3)
    form.findChild(QScrollArea).ensureWidgetVisible(form.keys)
    stage.save("dock_review")
    form.many.fold.button.setChecked(True)
    stage.save_narrow("dock_narrow")


def show_embeddings(stage: Stage, movie: np.ndarray, folder: Path) -> None:
    """Embed some planes of a movie."""
    stage.viewer.add_image(movie, name="T98G cells", axis_labels=("t", "y", "x"))
    stage.viewer.dims.set_point(0, len(movie) // 3)
    dock = EmbeddingsDock(stage.viewer)
    dock_widget = stage.viewer.window.add_dock_widget(
        dock, name="Embeddings", area="right", tabify=True
    )
    dock.workbench.change_folder(folder)
    dock.form.ahead.setChecked(False)
    dock.form.embed_all.click()
    wait_until(lambda: dock.embedder.stack.n_ready > len(movie) // 3)
    stage.save("dock_embeddings")
    stage.save_alone(dock_widget, "dock_embeddings_narrow")
    dock.form.job.cancel_button.click()
    wait_until(lambda: not dock.embedder.worker.is_busy)
    rest(1.0)


def show_keys(stage: Stage) -> None:
    """Picture the cheat sheet."""
    sheet = CheatSheet(stage.dock)
    sheet.show()
    rest(0.5)
    stage.save_widget(sheet, "keys")
    sheet.close()


def show_time(stage: Stage, movie: np.ndarray) -> None:
    """Everything through time, and the most doubtful place of the result."""
    stage.viewer.add_image(movie, name="T98G cells", axis_labels=("t", "y", "x"))
    dock = TimeDock(stage.viewer)
    dock_widget = stage.viewer.window.add_dock_widget(
        dock, name="Time", area="right", tabify=True
    )
    dock.form.track.click()
    wait_until(lambda: dock.corrector is not None and not dock.worker.is_busy)
    rest(1.0)
    dock.form.review.next.click()
    area = dock.form.findChild(QScrollArea)
    area.ensureWidgetVisible(dock.form.review.undo)
    stage.save("dock_time")
    stage.save_alone(dock_widget, "dock_time_narrow")


@contextmanager
def staged(arguments: argparse.Namespace, theme: str) -> Iterator[Stage]:
    """Give a viewer with the dock, and close it."""
    stage = Stage(arguments.output, arguments.model, theme)
    try:
        yield stage
    finally:
        stage.close()


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="the data sets"
    )
    parser.add_argument("--output", type=Path, default=Path("docs/images"))
    parser.add_argument("--model", default="nano", help="a name or a weights file")
    parser.add_argument("--image", type=Path, help="another image to annotate")
    parser.add_argument("--movie", type=Path, help="another time-lapse")
    parser.add_argument(
        "--frames", type=int, default=24, help="of the time-lapse, at the most"
    )
    parser.add_argument(
        "--docks",
        default="prompts,embeddings,time",
        help="which pictures: some of these, with commas between",
    )
    parser.add_argument("--themes", default="dark,light")
    arguments = parser.parse_args()
    image_path = arguments.image or arguments.data / IMAGE
    movie_path = arguments.movie or arguments.data / MOVIE
    for path in (image_path, movie_path):
        if not path.exists():
            print(
                f"No pictures are made: there is no {path}. Give the folder that holds "
                "the data sets with --data, or images of your own with --image and "
                "--movie.",
                file=sys.stderr,
            )
            return
    arguments.output.mkdir(parents=True, exist_ok=True)
    arguments.output = arguments.output.resolve()
    image = open_stack(image_path).read()
    stack = open_stack(movie_path)
    n_frames = min(arguments.frames, stack.n_planes)
    movie = np.stack([stack.read((t,)) for t in range(n_frames)])
    notification_manager.notification_ready.disconnect()
    docks = arguments.docks.split(",")
    for theme in arguments.themes.split(","):
        if "prompts" in docks:
            with staged(arguments, theme) as stage:
                show_prompts(stage, image, "nuclei")
                show_review(stage)
                show_keys(stage)
        if "embeddings" in docks:
            with (
                TemporaryDirectory() as folder,
                chdir(folder),
                staged(arguments, theme) as stage,
            ):
                show_embeddings(stage, movie, Path("embeddings"))
        if "time" in docks:
            with staged(arguments, theme) as stage:
                show_time(stage, movie)


if __name__ == "__main__":
    main()
