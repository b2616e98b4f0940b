import numpy as np

from napari_segment_anything.stacks.paged import PagedArray

DATA = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)


def paged(read):
    def read_page(number):
        read.append(number)
        return DATA.reshape(6, 4, 5)[number]

    return PagedArray((2, 3), (4, 5), DATA.dtype, read_page)


def test_only_the_named_page_is_read():
    read = []
    plane = paged(read)[1, 2, slice(1, 3), slice(None)]
    np.testing.assert_array_equal(plane, DATA[1, 2, 1:3])
    assert read == [5]


def test_slices_of_pages_keep_their_axes():
    read = []
    part = paged(read)[slice(None), slice(2, 0, -1), 0, slice(None)]
    np.testing.assert_array_equal(part, DATA[:, 2:0:-1, 0])
    assert sorted(read) == [1, 2, 4, 5]


def test_shape_and_dtype_are_those_of_the_whole():
    array = paged([])
    assert (array.shape, array.ndim, array.dtype) == (DATA.shape, 4, DATA.dtype)
