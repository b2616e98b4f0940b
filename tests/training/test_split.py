"""The frozen split."""

import json
from pathlib import Path

import pytest

pytest.importorskip("skimage")
from training.split import SPLITS_FILE, make_splits

DATA = Path(__file__).parents[3] / "shared" / "data"


def test_no_image_is_in_two_parts():
    for parts in json.loads(SPLITS_FILE.read_text()).values():
        names = [name for part in parts.values() for name in part]
        assert len(names) == len(set(names))


def test_slices_of_two_parts_are_not_neighbours():
    parts = json.loads(SPLITS_FILE.read_text())["em_fibsem_medulla"]
    z = {part: {int(name.split(":")[1]) for name in parts[part]} for part in parts}
    assert min(z["validation"]) - max(z["train"]) > 3
    assert min(z["test"]) - max(z["validation"]) > 3


@pytest.mark.skipif(not DATA.exists(), reason="the images are not at ../shared/data")
def test_split_is_what_the_rule_gives():
    assert json.loads(SPLITS_FILE.read_text()) == make_splits(DATA)
