"""Linking, and how the time of work grows with its size."""

from dataclasses import replace

import numpy as np
import pandas as pd
from measuring import Work, growth_exponent, measure
from published_order import one_point_each
from stages import Contest

from napari_segment_anything.engine.automatic import (
    AutomaticMaskGenerator,
    AutomaticSettings,
)
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.nms import box_nms
from napari_segment_anything.engine.working_scale import SEARCHED_DIAMETER
from napari_segment_anything.session.answers import AnswerSettings
from napari_segment_anything.session.commits import Canvas
from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.object_register import ObjectRegister
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.stacks.simulated import simulate_cells
from napari_segment_anything.tracking.linking import link


def linking(n_frames: int, n_rounds: int, clock: str) -> dict:
    """Linking, against centroids linked by laptrack's defaults."""
    from laptrack import LapTrack

    movie = simulate_cells(n_frames, (512, 512))
    frames = [MaskSet.from_labels(labels) for labels in movie.labels]
    rows = [
        {"frame": t, "y": y, "x": x}
        for t, frame in enumerate(frames)
        for y, x in frame.centroids
    ]
    tracker = LapTrack(cutoff=20**2, splitting_cutoff=20**2)
    columns = {"coordinate_cols": ["y", "x"], "only_coordinate_cols": False}
    table = pd.DataFrame(rows)
    return measure(
        "linking",
        {"link": lambda: link(frames)},
        {"laptrack on centroids": lambda: tracker.predict_dataframe(table, **columns)},
        n_rounds,
        clock,
    )


def growth(contest: Contest, *, quick: bool) -> dict[str, float]:
    """Exponents p of time ~ size^p."""
    predictor = contest.predictors["float32"]
    factors = [1, 2] if quick else [1, 2, 4]
    generator = np.random.default_rng(0)
    embedding = contest.embeddings["float32"]

    def decode(n: int) -> Work:
        prompts = one_point_each(generator.uniform(0, min(contest.shape) - 1, (n, 2)))
        return lambda: predictor.decode(embedding, prompts)

    def suppress(n: int) -> Work:
        corners = generator.uniform(0, 100 * n**0.5, (n, 2))
        boxes = np.concatenate([corners, corners + 30], 1)
        scores = generator.random(n)
        return lambda: box_nms(boxes, scores, 0.7)

    def track(n: int) -> Work:
        # A larger field with more cells, at the same density.
        shape = (128 * n, 256)
        movie = simulate_cells(4, shape)
        frames = [MaskSet.from_labels(labels) for labels in movie.labels]
        return lambda: link(frames)

    def accept(n: int) -> Work:
        return one_more_object(contest, n)

    def tile(n: int) -> Work:
        return everything_in_tiles(contest, n)

    def embed(n: int) -> Work:
        return lambda: [
            predictor.embed(contest.image, intensity_range=(0, 255)) for _ in range(n)
        ]

    works = {
        "planes, time of all": ([1 * f for f in factors], embed),
        "prompts, time of all": ([8 * f for f in factors], decode),
        "boxes, suppression": ([500 * f for f in factors], suppress),
        "area with objects, linking": ([2 * f for f in factors], track),
        "accepted objects, time of one more": ([50 * f for f in factors], accept),
    }
    if predictor.has_proposals:
        works["area, time of everything mode in tiles"] = (factors, tile)
    result = {}
    for name, (sizes, make) in works.items():
        result[name] = growth_exponent(sizes, [make(n) for n in sizes])
        print(f"growth with {name:<40} {result[name]:.2f}", flush=True)
    return result


def one_more_object(contest: Contest, n_accepted: int) -> Work:
    """From a click to changed pixels, beside so many objects that were accepted."""
    predictor = contest.predictors["float32"]
    height, width = contest.shape
    labels = np.zeros((height, width), np.int32)
    objects = ObjectRegister()
    canvas = Canvas(PlaneId(), "YX", labels.shape, lambda part: labels[part], objects)
    small = np.ones((3, 3), bool)
    place = np.random.default_rng(0)
    while len(objects) < n_accepted:
        y, x = place.integers(0, (height - 3, width - 3)).tolist()
        mask = MaskSet.from_masks(labels.shape, [(y, x, y + 3, x + 3)], [small])
        commit = canvas.accept(mask, Drawing(), AnswerSettings(), model_digest="")
        if commit is not None:
            labels[commit.pixels.index] = commit.pixels.after
            objects.change(commit.objects)
    middle = one_point_each(np.array([[height / 2, width / 2]]))
    embedding = contest.embeddings["float32"]
    box = (height // 4, width // 4, height // 2, width // 2)
    answer = MaskSet.from_masks(
        labels.shape, [box], [np.ones((box[2] - box[0], box[3] - box[1]), bool)]
    )

    def click() -> object:
        predictor.predict(embedding, middle)
        # The same mask whatever the model says: only the number of objects grows.
        return canvas.accept(answer, Drawing(), AnswerSettings(), model_digest="")

    return click


def everything_in_tiles(contest: Contest, n: int) -> Work:
    """Everything mode of a plane n times as large, with objects of one size.

    They are a little too small for the smallest plane to be looked at as a whole: all
    of them are in tiles.
    """
    predictor = contest.predictors["float32"]
    side = predictor.frame_size
    image = simulate_cells(1, (2 * side, 2 * side * n)).images[0]
    settings = replace(
        AutomaticSettings.for_model(predictor.config),
        object_diameter=0.9 * SEARCHED_DIAMETER,
    )
    generator = AutomaticMaskGenerator(predictor, settings)
    return lambda: generator.generate(image)
