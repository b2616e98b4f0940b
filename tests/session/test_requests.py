import numpy as np
import pytest
from scipy import ndimage
from tifffile import imread

from bright_sam import bright_predictor, work_of
from napari_segment_anything.errors import InvalidPromptError
from napari_segment_anything.models.load import load_model
from napari_segment_anything.session.objects import PlanePrompts
from napari_segment_anything.session.planes import PlaneId, PlaneSource
from napari_segment_anything.session.requests import (
    MaskRequest,
    answer,
    prompted_plane,
)
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

PLANE = PlaneId(("Y", "X"))


@pytest.fixture
def predictor():
    return bright_predictor()


@pytest.fixture
def store():
    return MemoryEmbeddingStore()


@pytest.fixture
def source(disks_image):
    return PlaneSource(disks_image.image.copy(), "YX")


def request(source, points=(), boxes=()):
    prompts = PlanePrompts(
        np.reshape(np.array(points, float), (-1, 2)),
        np.ones(len(points), bool),
        np.reshape(np.array(boxes, float), (-1, 4)),
    )
    return MaskRequest(1, source, PLANE, prompts)


def test_a_point_gives_the_disk_under_it(source, predictor, store, disks_image):
    response = answer(request(source, [disks_image.centres[4]]), predictor, store)
    (mask,) = (response.masks.full_mask(i) for i in range(len(response.masks)))
    truth = disks_image.labels == 5
    assert (mask & truth).sum() > 0.85 * (mask | truth).sum()
    # Cropped to its box, not to the plane.
    assert response.masks.masks[0].shape < (40, 40)
    assert response.masks.predicted_iou[0] == pytest.approx(0.95)


def test_each_box_gives_a_mask(source, predictor, store, disks_image):
    boxes = [[8, 8, 32, 32], [50, 48, 86, 84]]
    response = answer(request(source, boxes=boxes), predictor, store)
    assert len(response.masks) == 2
    for mask_number, disk in enumerate((1, 5)):
        mask = response.masks.full_mask(mask_number)
        assert (mask & (disks_image.labels == disk)).sum() > 0.9 * mask.sum()


def test_without_prompts_the_plane_is_made_ready(source, predictor, store):
    response = answer(request(source), predictor, store)
    assert response.masks is None
    n_encoded, n_decoded = work_of(predictor)
    assert n_encoded > 0
    assert n_decoded == 0
    answer(request(source, [[20, 20]]), predictor, store)
    # At most the window of the click itself.
    assert work_of(predictor) in ((n_encoded, 1), (n_encoded + 1, 1))


def test_ground_gives_an_empty_mask(source, predictor, store):
    response = answer(request(source, [[48, 2]]), predictor, store)
    assert response.masks.areas.tolist() == [0]


def test_an_image_that_changed_is_encoded_again(source, predictor, store):
    with prompted_plane(source, PLANE, predictor, store) as first:
        pass
    with prompted_plane(source, PLANE, predictor, store) as again:
        assert again is first
    source.data[0, 0] += 1
    with prompted_plane(source, PLANE, predictor, store) as second:
        pass
    assert work_of(predictor)[0] == 2
    assert second is not first


def test_a_point_beyond_the_plane_is_an_error(source, predictor, store):
    with pytest.raises(InvalidPromptError):
        answer(request(source, [[20, 900]]), predictor, store)


def test_small_objects_of_a_large_plane_are_answered_in_windows(predictor, store):
    labels = np.zeros((700, 700), bool)
    y, x = np.indices(labels.shape)
    labels |= ((y % 40 - 20) ** 2 + (x % 40 - 20) ** 2) <= 8**2
    source = PlaneSource((100 + 2000 * labels).astype(np.uint16), "YX")
    response = answer(request(source, [[340, 340]]), predictor, store)
    y, x = y - 340, x - 340
    truth = y**2 + x**2 <= 8**2
    mask = response.masks.full_mask(0)
    # In a frame of 128 pixels the disk would be three pixels across.
    assert (mask & truth).sum() > 0.85 * (mask | truth).sum()
    n_encoded, _ = work_of(predictor)
    answer(request(source, [[342, 338]]), predictor, store)
    assert work_of(predictor)[0] == n_encoded


def test_windows_go_to_the_store_that_was_chosen_last(predictor, store):
    y, x = np.indices((700, 700))
    is_disk = ((y % 40 - 20) ** 2 + (x % 40 - 20) ** 2) <= 8**2
    source = PlaneSource((100 + 2000 * is_disk).astype(np.uint16), "YX")
    answer(request(source, [[340, 340]]), predictor, store)
    n_before = len(list(store.keys()))
    other = MemoryEmbeddingStore()
    answer(request(source, [[60, 620]]), predictor, other)
    assert len(list(store.keys())) == n_before
    # The plane, and the window of the new click.
    assert len(list(other.keys())) == 2


def test_without_encoding_a_prompt_is_answered_in_what_is_there(predictor, store):
    y, x = np.indices((300, 300))
    is_disk = ((y % 60 - 30) ** 2 + (x % 60 - 30) ** 2) <= 14**2
    source = PlaneSource((100 + 2000 * is_disk).astype(np.uint16), "YX")
    answer(request(source), predictor, store)
    n_encoded, _ = work_of(predictor)
    truth = (y - 150) ** 2 + (x - 150) ** 2 <= 14**2

    def iou(**how):
        response = answer(request(source, [[150, 150]]), predictor, store, **how)
        mask = response.masks.full_mask(0)
        return (mask & truth).sum() / (mask | truth).sum()

    coarse = iou(may_encode=False)
    assert work_of(predictor)[0] == n_encoded
    assert coarse > 0.5
    fine = iou()
    assert fine > coarse
    # The window is there now.
    assert iou(may_encode=False) == fine


def oblong(image, times=4):
    """An image whose pixels are several times as high as wide."""
    return image[: len(image) // times * times].reshape(-1, times, image.shape[1])


@pytest.mark.parametrize("number", [1, 3, 5])
def test_planes_of_oblong_pixels_are_answered_in_their_own_pixels(
    predictor, store, disks_image, number
):
    image = oblong(disks_image.image).mean(axis=1)
    source = PlaneSource(image, "YX", pixel_sizes=(2.0, 0.5))
    y, x = disks_image.centres[number - 1]
    response = answer(request(source, [[(y + 0.5) / 4 - 0.5, x]]), predictor, store)
    assert response.masks.shape == image.shape
    mask = response.masks.full_mask(0)
    truth = oblong(disks_image.labels == number).mean(axis=1) >= 0.5
    assert (mask & truth).sum() > 0.75 * (mask | truth).sum()
    with pytest.raises(InvalidPromptError, match=f"{image.shape[0]} × "):
        answer(request(source, [[90, 20]]), predictor, store)


def test_clicks_across_slices_find_nuclei(store, shared_data):
    folder = shared_data / "vol3d_small"
    name = "stardist_img3d.tif"
    image = ndimage.zoom(imread(folder / "images" / name), (1, 4, 4), order=1)
    labels = imread(folder / "labels" / name).repeat(4, axis=1).repeat(4, axis=2)
    nano = load_model("nano", device="cpu")

    def iou(number, sizes):
        source = PlaneSource(image, "ZYX", pixel_sizes=sizes)
        z, y, x = ndimage.center_of_mass(labels == number)
        truth = labels[:, round(y)] == number
        prompts = PlanePrompts(np.array([[z, x]]), np.ones(1, bool))
        plane = PlaneId(("Z", "X"), (("Y", round(y)),))
        response = answer(MaskRequest(1, source, plane, prompts), nano, store)
        mask = response.masks.full_mask(0)
        return (mask & truth).sum() / (mask | truth).sum()

    nuclei = (52, 142, 8, 81)
    assert np.mean([iou(number, (4.0, 1.0, 1.0)) for number in nuclei]) > 0.6
    # As squeezed as the pixels are they are no nuclei to the model.
    assert np.mean([iou(number, ()) for number in nuclei]) < 0.3


def test_time_is_no_length():
    source = PlaneSource(np.zeros((9, 4, 30)), "TYX", pixel_sizes=(60.0, 0.5, 0.5))
    assert not source.stretch(PlaneId(("T", "X"), (("Y", 0),))).is_needed
    assert not source.stretch(PlaneId(("Y", "X"), (("T", 0),))).is_needed
    source = PlaneSource(np.zeros((9, 4, 30)), "ZYX", pixel_sizes=(3.0, 0.5, 0.5))
    assert source.stretch(PlaneId(("Z", "X"), (("Y", 0),))).rows == 6
    assert source.stretch(PlaneId(("X", "Z"), (("Y", 0),))).columns == 6
