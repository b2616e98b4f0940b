import numpy as np
import pytest

from bright_sam import bright_predictor
from napari_segment_anything.batch.detect import Detector
from napari_segment_anything.batch.progress import Progress, run
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.automatic import AutomaticMaskGenerator
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.storage.candidate_store import CandidateStore
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

SETTINGS = AutomaticSettings(pred_iou_thresh=0.5, stability_score_thresh=0.7)


@pytest.fixture
def candidates(monkeypatch):
    """Three masks: sure, nearly sure, and nearly sure upon the sure one."""
    boxes = [(4, 4, 24, 24), (40, 40, 60, 60), (6, 4, 30, 24)]
    masks = [np.ones((y1 - y0, x1 - x0), bool) for y0, x0, y1, x1 in boxes]
    found = MaskSet.from_masks(
        (64, 64),
        boxes,
        masks,
        predicted_iou=[0.9, 0.45, 0.45],
        stability_score=[0.9, 0.6, 0.9],
    )

    def steps(self, searched, keep_candidates=False):
        yield 1.0
        return found

    monkeypatch.setattr(AutomaticMaskGenerator, "steps", steps)


def test_faint_masks_lie_beside_the_objects(candidates):
    stored = StoredPredictor(bright_predictor(), MemoryEmbeddingStore())
    detector = Detector(stored, SETTINGS, IntensityRange(0, 255))
    plane = np.zeros((64, 64), np.uint8)
    start = Progress("detect", 0, 1)
    found, faint = run(detector.detect_faint(plane, start, share=0.8))
    assert found.boxes.tolist() == [[4, 4, 24, 24]]
    assert faint.boxes.tolist() == [[40, 40, 60, 60]]
    assert len(run(detector.detect_faint(plane, start, share=0.95))[1]) == 0
    assert run(detector.detect(plane, start)).boxes.tolist() == [[4, 4, 24, 24]]


def test_only_planes_of_an_earlier_run_count_as_found_there(candidates, tmp_path):
    start = Progress("detect", 0, 1)
    blank, other = np.zeros((2, 64, 64), np.uint8)
    other[5, 5] = 9

    def detected(planes):
        stored = StoredPredictor(bright_predictor(), MemoryEmbeddingStore())
        detector = Detector(
            stored, SETTINGS, IntensityRange(0, 255), CandidateStore(tmp_path / "kept")
        )
        for plane in planes:
            run(detector.detect(plane, start))
        return detector.n_resumed

    assert detected([blank, blank, blank]) == 0
    assert detected([blank, other, other, blank]) == 2


def test_what_another_thread_has_just_kept_is_of_this_run(candidates, tmp_path):
    class Watched(CandidateStore):
        def put(self, key, masks):
            super().put(key, masks)
            seen.append(run(other.detect(np.zeros((64, 64), np.uint8), start)))

    start, seen = Progress("detect", 0, 2), []
    stored = StoredPredictor(bright_predictor(), MemoryEmbeddingStore())
    one, other = Detector(
        stored, SETTINGS, IntensityRange(0, 255), Watched(tmp_path), n_planes=2
    ).copies()
    run(one.detect(np.zeros((64, 64), np.uint8), start))
    assert len(seen) == 1
    assert other.n_resumed == 0
