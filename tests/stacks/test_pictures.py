import pickle

import numpy as np
import pytest
import tifffile
from skimage.io import imsave

from napari_segment_anything.errors import (
    InvalidAxesError,
    InvalidImageError,
    SeveralImagesWarning,
    UnreadableInputError,
)
from napari_segment_anything.stacks.open import open_stack


def made_up(*shape, dtype=np.uint16):
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


@pytest.mark.parametrize(
    ("data", "axes"),
    [
        (made_up(8, 9, dtype=np.uint8), "YX"),
        (made_up(8, 9) * 300, "YX"),
        (made_up(8, 9, 3, dtype=np.uint8), "YXS"),
    ],
)
def test_png_keeps_its_pixels_and_its_depth(tmp_path, data, axes):
    path = tmp_path / "picture.png"
    imsave(path, data, check_contrast=False)
    stack = open_stack(path)
    assert (stack.axes, stack.dtype) == (axes, data.dtype)
    np.testing.assert_array_equal(stack.read(), data)


def test_jpeg_is_rgb(tmp_path):
    path = tmp_path / "picture.jpg"
    imsave(path, np.full((16, 16, 3), 128, np.uint8), check_contrast=False)
    assert open_stack(path).read().shape == (16, 16, 3)


def test_a_broken_png_is_named(tmp_path):
    path = tmp_path / "cut.png"
    imsave(path, made_up(64, 64, dtype=np.uint8), check_contrast=False)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UnreadableInputError, match=r"cut\.png"):
        open_stack(path)


def test_frames_are_ordered_as_a_person_counts(tmp_path):
    frames = made_up(11, 8, 9)
    for number, frame in enumerate(frames, start=1):
        tifffile.imwrite(tmp_path / f"t{number}.tif", frame)
    stack = open_stack(tmp_path)
    assert (stack.axes, stack.shape) == ("TYX", (11, 8, 9))
    np.testing.assert_array_equal(stack.read((1,)), frames[1])
    np.testing.assert_array_equal(stack.read((10,)), frames[10])


def test_frames_are_opened_one_at_a_time(tmp_path):
    for number in range(3):
        tifffile.imwrite(tmp_path / f"t{number}.tif", made_up(8, 9))
    stack = open_stack(tmp_path)
    (tmp_path / "t2.tif").write_bytes(b"damaged")
    assert stack.read((1,)).shape == (8, 9)
    with pytest.raises(UnreadableInputError, match=r"t2\.tif"):
        stack.read((2,))


def test_colour_frames_can_be_slices(tmp_path):
    frames = made_up(3, 8, 9, 3, dtype=np.uint8)
    for number, frame in enumerate(frames):
        imsave(tmp_path / f"z{number}.png", frame, check_contrast=False)
    stack = open_stack(tmp_path, axes="ZYX")
    assert stack.axes == "ZYXS"
    np.testing.assert_array_equal(stack.read((2,)), frames[2])


def test_volumes_in_a_folder_are_a_movie_of_volumes(tmp_path):
    frames = made_up(3, 2, 8, 9)
    for number, frame in enumerate(frames):
        path = tmp_path / f"t{number}.tif"
        tifffile.imwrite(path, frame, metadata={"axes": "ZYX"})
    stack = open_stack(tmp_path)
    assert stack.axes == "TZYX"
    np.testing.assert_array_equal(stack.read((2, 1)), frames[2, 1])


def test_a_frame_of_another_shape_is_named(tmp_path):
    tifffile.imwrite(tmp_path / "t0.tif", made_up(8, 9))
    tifffile.imwrite(tmp_path / "t1.tif", made_up(8, 10))
    with pytest.raises(InvalidImageError, match=r"t1\.tif.*\(8, 10\)"):
        open_stack(tmp_path).read((1,))


def test_an_empty_folder_says_so(tmp_path):
    with pytest.raises(UnreadableInputError, match="holds no TIFF"):
        open_stack(tmp_path)


def test_a_mixed_folder_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "t0.tif", made_up(8, 9))
    imsave(tmp_path / "overlay.png", made_up(8, 9, dtype=np.uint8))
    with pytest.raises(UnreadableInputError, match="mixes"):
        open_stack(tmp_path)


def test_movies_in_a_folder_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", made_up(5, 8, 9), metadata={"axes": "TYX"})
    with pytest.raises(InvalidAxesError, match="time-lapse by itself"):
        open_stack(tmp_path)


def test_a_numpy_file_is_mapped(tmp_path):
    path, data = tmp_path / "stack.npy", made_up(3, 8, 9)
    np.save(path, data)
    stack = open_stack(path, axes="TYX")
    assert isinstance(stack.data[0, :, :], np.memmap)
    np.testing.assert_array_equal(stack.read((2,)), data[2])


def test_pickled_objects_are_not_loaded(tmp_path):
    path = tmp_path / "objects.npy"
    np.save(path, np.array([[{}]], dtype=object), allow_pickle=True)
    with pytest.raises(InvalidImageError, match="dtype object"):
        open_stack(path)


def test_a_cut_numpy_file_is_named(tmp_path):
    path = tmp_path / "cut.npy"
    np.save(path, made_up(30, 40))
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UnreadableInputError, match=r"cut\.npy"):
        open_stack(path)


def test_a_mapped_file_travels_as_its_path(tmp_path):
    data = made_up(40, 50, 60)
    np.save(tmp_path / "movie.npy", data)
    stack = open_stack(tmp_path / "movie.npy", axes="TYX")
    packed = pickle.dumps(stack)
    assert len(packed) < 5000
    np.testing.assert_array_equal(pickle.loads(packed).read((7,)), data[7])


def test_a_file_of_one_resolution_has_no_other_level(tmp_path):
    np.save(tmp_path / "image.npy", made_up(8, 9))
    with pytest.raises(InvalidImageError, match="no level 1"):
        open_stack(tmp_path / "image.npy", level=1)


@pytest.mark.parametrize("is_list", [False, True])
def test_one_of_several_images_of_each_frame_is_chosen(tmp_path, is_list):
    for number in range(2):
        with tifffile.TiffWriter(tmp_path / f"{number}.tif") as file:
            file.write(np.full((8, 9), number, np.uint8))
            file.write(np.full((4, 5), 10 + number, np.uint8))
    source = sorted(tmp_path.iterdir()) if is_list else tmp_path
    with pytest.warns(SeveralImagesWarning, match="2 images, of which number 0"):
        assert open_stack(source).read((1,)).tolist() == [[1] * 9] * 8
    stack = pickle.loads(pickle.dumps(open_stack(source, series=1)))
    assert stack.read((1,)).tolist() == [[11] * 5] * 4
    with pytest.raises(InvalidImageError, match="use 0 to 1"):
        open_stack(source, series=2)
