from napari_segment_anything.session.plane_queue import PlaneQueue


def take_all(queue, ready=()):
    """Take planes as a job does, each of which is ready afterwards."""
    ready = set(ready)
    taken = []
    while (index := queue.take(lambda index: index in ready)) is not None:
        ready.add(index)
        taken.append(index[0])
    return taken


def test_without_a_request_only_planes_near_the_visible_one_are_taken():
    queue = PlaneQueue((20,), n_ahead=3)
    queue.look_at((10,))
    assert take_all(queue) == [10, 11, 12, 9]


def test_nothing_near_is_wanted_only_on_request():
    queue = PlaneQueue((20,), n_ahead=-1)
    assert take_all(queue) == []
    queue.want_all()
    assert len(take_all(queue)) == 20


def test_ready_planes_are_left_out():
    queue = PlaneQueue((4,), n_ahead=0)
    queue.want_all()
    assert take_all(queue, ready={(0,), (2,)}) == [1, 3]


def test_the_order_follows_the_slider_between_planes():
    queue = PlaneQueue((10,))
    queue.want_all()
    ready = set()
    for wanted in (0, 1):
        index = queue.take(ready.__contains__)
        assert index == (wanted,)
        ready.add(index)
    queue.look_at((7,))
    queue.look_at((6,))
    assert take_all(queue, ready) == [6, 5, 4, 7, 3, 2, 8, 9]


def test_a_request_can_be_taken_back():
    queue = PlaneQueue((10,))
    queue.want_all()
    queue.want_near()
    assert take_all(queue) == [0]
