from dataclasses import replace

import numpy as np
import pytest

from bright_sam import bright_predictor, work_of
from napari_segment_anything.batch.embed import embed_stack
from napari_segment_anything.batch.objects_table import objects_table
from napari_segment_anything.batch.progress import Progress, run
from napari_segment_anything.batch.segment import detection_recipe, segment_stack
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.stacks.intensity import estimate_intensity_range
from napari_segment_anything.stacks.square import with_square_pixels
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.candidate_store import CandidateStore
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

SETTINGS = replace(AutomaticSettings.for_model(CONFIGS["tiny"]), object_diameter=40)
THICK = {"Z": 2.0, "Y": 0.5, "X": 0.5}
BOXES = [(slice(3, 9), slice(10, 30)), (slice(14, 20), slice(50, 80))]


@pytest.fixture
def stack():
    """Two objects in a volume of thick slices, seen from the side."""
    data = np.full((24, 3, 96), 200, np.uint16)
    for rows, columns in BOXES:
        data[rows, :, columns] = 3000
    return Stack(data, "ZYX", plane_axes="ZX", scale=THICK)


@pytest.fixture
def seen_shapes(monkeypatch):
    """Shapes of the images that were encoded."""
    shapes = []
    from napari_segment_anything.engine.predictor import MaskPredictor

    encode = MaskPredictor.embed_batch

    def noting(self, images, intensity_range=None):
        shapes.extend(np.shape(image)[:2] for image in images)
        return encode(self, images, intensity_range)

    monkeypatch.setattr(MaskPredictor, "embed_batch", noting)
    return shapes


def test_the_model_sees_square_pixels_and_labels_lie_in_those_of_the_stack(
    stack, seen_shapes, tmp_path
):
    output = tmp_path / "out.zarr"
    predictor = bright_predictor()
    job = segment_stack(stack, predictor, settings=SETTINGS, output=output)
    result = run(job)
    assert set(seen_shapes) == {(96, 96)}
    assert result.n_objects == 6
    store = LabelStore.open(output)
    for y in range(3):
        labels = store.read_plane((y,))
        assert labels.shape == (24, 96)
        for rows, columns in BOXES:
            found = labels == labels[rows, columns][2, 5]
            expected = np.zeros(labels.shape, bool)
            expected[rows, columns] = True
            both, either = (found & expected).sum(), (found | expected).sum()
            assert both / either > 0.75
    # The image beside them is as it was.
    np.testing.assert_array_equal(np.asarray(store.image), stack.data)
    table = run(objects_table(stack, result))
    assert table["predicted_iou"].notna().all()
    assert (table["z_stop"] <= 24).all()
    before = work_of(predictor)
    again = run(segment_stack(stack, predictor, settings=SETTINGS, output=output))
    assert (again.n_resumed, again.n_objects) == (3, 6)
    assert work_of(predictor) == before


def test_embeddings_that_were_made_ahead_are_used(stack, tmp_path):
    predictor = bright_predictor()
    store = ZarrEmbeddingStore(tmp_path / "store")
    seen = with_square_pixels(stack)
    run(embed_stack(seen, predictor, store, settings=SETTINGS))
    n_encoded = work_of(predictor)[0]
    run(segment_stack(stack, predictor, settings=SETTINGS, store=store))
    assert work_of(predictor)[0] == n_encoded


def test_another_size_of_pixels_is_another_job(stack, tmp_path):
    from napari_segment_anything.errors import StorageError

    output = tmp_path / "out.zarr"
    predictor = bright_predictor()
    run(segment_stack(stack, predictor, settings=SETTINGS, output=output))
    flat = Stack(stack.data, "ZYX", plane_axes="ZX")
    with pytest.raises(StorageError, match="another"):
        run(segment_stack(flat, predictor, settings=SETTINGS, output=output))


def test_a_process_of_its_own_shrinks_what_it_finds(stack, tmp_path):
    predictor = bright_predictor()
    alone = run(segment_stack(stack, predictor, settings=SETTINGS)).labels
    axes, shape = "YZX", (3, *stack.plane_shape)
    target = LabelStore.create(
        tmp_path / "out.zarr", axes=axes, shape=shape, plane_axes=("Z", "X")
    )
    seen, limits = with_square_pixels(stack), estimate_intensity_range(stack)
    recipe = detection_recipe(
        seen,
        limits,
        SETTINGS,
        ZarrEmbeddingStore(tmp_path / "store"),
        CandidateStore(tmp_path / "candidates"),
        target,
    )
    work = recipe.begin(predictor)
    for index in stack.indices():
        for _ in work.do(index, seen.read(index), Progress("segment", 0, 3)):
            pass
    for index in stack.indices():
        assert target.done(index)
        np.testing.assert_array_equal(target.read_plane(index), alone[index])
