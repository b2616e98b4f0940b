"""The model card and the curves say what was trained and measured."""

from training.curves import curves_table
from training.data_sets import DATA_SETS
from training.model_card import model_card
from training.planes import SET_WEIGHTS
from training.quality import quality_table

from napari_segment_anything.networks.config import CONFIGS

RESULTS = {
    "good": {
        "one_click_miou": 0.815,
        "box_miou": 0.9,
        "map": 0.5,
        "n_images": 3,
        "n_objects": 40,
    },
    "poor": {"one_click_miou": 0.31, "box_miou": None, "n_images": 1, "n_objects": 2},
}


def card_of(planes, results=None, starts=()):
    rows = [{"step": 25, "seconds": 60}, {"step": 1200, "seconds": 5400}]
    splits = {"synthetic": {"train": [], "validation": ["a"], "test": ["b", "c"]}}
    card = model_card(CONFIGS["tiny"], planes, splits, rows, starts, results)
    return " ".join(card.split())  # wherever its lines end


def test_card_counts_what_trained(planes):
    planes_card = card_of(planes)
    n_objects = sum(plane.labels.max() for plane in planes)
    assert f"| 2 / 1 / 2 | {n_objects} | 100% |" in planes_card
    assert "from random weights for 1200 steps in 90 minutes" in planes_card
    assert "not measured" in planes_card


def test_card_tells_which_weights_the_run_began_with(planes):
    starts = [{"device": "CPU", "n_processes": 2, "steps_before": 700}]
    card = card_of(planes, starts=starts)
    assert "on from earlier weights of the same recipe (700 steps)" in card
    assert "(CPU, 2 processes)" in card


def test_card_names_sets_that_are_outlined_poorly(planes):
    card = card_of(planes, RESULTS)
    assert "| good | 3 / 40 |" in card
    assert "poorly (mean IoU under 0.6) in: poor (0.31)." in card


def test_card_knows_the_licence_of_every_set_that_trains():
    assert DATA_SETS.keys() == SET_WEIGHTS.keys()
    assert all(data_set.licence for data_set in DATA_SETS.values())


def test_figures_that_were_not_measured_stay_empty():
    row = quality_table(RESULTS).splitlines()[3]
    assert row == "| poor | 1 / 2 | 0.31 |  |  |  |  |  |  |"


def test_curves_are_means_over_equal_parts_of_the_time():
    rows = [
        {"step": 1, "seconds": 10, "dense": 4.0},
        {"step": 2, "seconds": 30, "dense": 2.0, "point": 0.5},
        {"step": 3, "seconds": 120, "dense": 1.0},
    ]
    lines = [line.split() for line in curves_table(rows, n_rows=2).splitlines()]
    assert lines == [
        ["step", "minutes", "dense", "point"],
        ["2", "0.5", "3.000", "0.500"],
        ["3", "2.0", "1.000"],
    ]
