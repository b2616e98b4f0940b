"""Linking, and how the time of work grows with its size."""

import numpy as np
import pandas as pd
from measuring import Work, growth_exponent, measure
from published_order import one_point_each
from stages import Contest

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.nms import box_nms
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

    def embed(n: int) -> Work:
        return lambda: [
            predictor.embed(contest.image, intensity_range=(0, 255)) for _ in range(n)
        ]

    works = {
        "planes, time of all": ([1 * f for f in factors], embed),
        "prompts, time of all": ([8 * f for f in factors], decode),
        "boxes, suppression": ([500 * f for f in factors], suppress),
        "area with objects, linking": ([2 * f for f in factors], track),
    }
    result = {}
    for name, (sizes, make) in works.items():
        result[name] = growth_exponent(sizes, [make(n) for n in sizes])
        print(f"growth with {name:<30} {result[name]:.2f}", flush=True)
    return result
