import pytest
import torch

from napari_segment_anything.engine import precision
from napari_segment_anything.engine.precision import (
    PRECISION_VARIABLE,
    has_fast_bfloat16,
    image_precision,
)
from napari_segment_anything.errors import InvalidSettingsError

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("gain", "expected"), [(1.0, torch.float32), (3.0, torch.bfloat16)]
)
def test_the_faster_precision_is_chosen(monkeypatch, gain, expected):
    monkeypatch.delenv(PRECISION_VARIABLE, raising=False)
    monkeypatch.setattr(precision, "_measured_gain", lambda: gain)
    assert image_precision(CPU) == image_precision(CPU, "auto") == expected


def test_a_name_goes_before_the_environment_and_both_before_speed(monkeypatch):
    monkeypatch.setattr(precision, "_measured_gain", lambda: 3.0)
    monkeypatch.setenv(PRECISION_VARIABLE, "float32")
    assert image_precision(CPU) == torch.float32
    assert image_precision(CPU, "bfloat16") == torch.bfloat16
    assert image_precision(CPU, "auto") == torch.bfloat16


def test_an_unknown_precision_is_refused():
    with pytest.raises(InvalidSettingsError, match=r"'int4'.*float32 or bfloat16"):
        image_precision(CPU, "int4")


def test_the_gain_of_this_machine_is_measured_once():
    assert precision._measured_gain() > 0
    assert precision._measured_gain() == precision._measured_gain()
    assert has_fast_bfloat16(CPU) == (precision._measured_gain() > 1.5)
