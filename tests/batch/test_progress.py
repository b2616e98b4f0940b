import pytest

from napari_segment_anything.batch.progress import Progress, run


def counting(closed):
    try:
        for done in range(3):
            yield Progress("count", done + 1, 3)
    finally:
        closed.append(True)
    return "result"


def test_run_returns_what_the_job_returns_and_reports_each_step():
    seen = []
    assert run(counting([]), seen.append) == "result"
    assert [(p.done, p.total) for p in seen] == [(1, 3), (2, 3), (3, 3)]


def test_run_needs_no_listener():
    assert run(counting([])) == "result"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, StopIteration])
def test_an_error_of_the_listener_closes_the_job_and_goes_on(error):
    closed = []

    def listen(progress):
        raise error

    with pytest.raises(error):
        run(counting(closed), listen)
    assert closed == [True]
