import numpy as np
import pytest

from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.engine.second_look import Answers

PLANE = (400, 400)
WINDOW = (100, 100, 200, 200)
INNER, CUT, NEAR_EDGE_OF_PLANE = (
    (120, 120, 150, 150),
    (120, 120, 150, 200),
    (0, 10, 30, 40),
)


def answer(box, iou):
    return box, np.ones((box[2] - box[0], box[3] - box[1]), bool), iou, 1.0


POINT = Prompts.from_points([[130.0, 130.0]], [1])
BOX = Prompts.from_boxes([INNER])


def answers(*, may_doubt=True, prompts=POINT):
    return Answers(prompts, PLANE, may_doubt=may_doubt)


def test_a_sure_answer_holds():
    given = answers()
    row = [answer(INNER, 0.3), answer(INNER, 0.8)]
    assert not given.take(0, row, WINDOW)
    assert given.rows[0] is row


@pytest.mark.parametrize("may_doubt", [False, True])
def test_what_its_window_cuts_is_replaced_by_the_view_from_farther_away(may_doubt):
    given = answers(may_doubt=may_doubt)
    assert given.take(0, [answer(CUT, 0.9)], WINDOW)
    farther = [answer(INNER, 0.6)]
    assert not given.take(0, farther, (0, 0, *PLANE))
    assert given.rows[0] is farther


def test_an_edge_of_the_plane_cuts_nothing():
    assert not answers().take(0, [answer(NEAR_EDGE_OF_PLANE, 0.9)], (0, 0, 100, 100))


def test_an_unsure_answer_gives_way_to_a_surer_one_only():
    given = answers()
    unsure = [answer(INNER, 0.4)]
    assert given.take(0, unsure, WINDOW)
    assert given.take(0, [answer(INNER, 0.45)], WINDOW)
    assert given.rows[0] is unsure
    # What is not taken does not count as cut either.
    assert given.take(0, [answer(CUT, 0.3)], WINDOW)
    assert given.rows[0] is unsure
    surer = [answer(INNER, 0.85)]
    assert not given.take(0, surer, (0, 0, *PLANE))
    assert given.rows[0] is surer


@pytest.mark.parametrize("options", [{"may_doubt": False}, {"prompts": BOX}])
def test_without_doubt_an_unsure_answer_holds(options):
    assert not answers(**options).take(0, [answer(INNER, 0.1)], WINDOW)


def test_an_answer_without_pixels_is_looked_at_again():
    given = answers()
    empty = [((0, 0, 0, 0), np.zeros((0, 0), bool), 0.0, 0.0)]
    assert given.take(0, empty, WINDOW)
    assert not answers(may_doubt=False).take(0, empty, WINDOW)


def test_a_surer_answer_that_is_cut_and_comes_to_nothing_is_given_up():
    given = answers()
    unsure = [answer(INNER, 0.45)]
    given.take(0, unsure, WINDOW)
    cut = [answer(CUT, 0.9)]
    assert given.take(0, cut, WINDOW)
    assert given.rows[0] is cut
    # From still farther away it is less sure than what was seen at first.
    given.take(0, [answer(INNER, 0.1)], (0, 0, *PLANE))
    assert given.rows[0] is unsure


@pytest.mark.parametrize(
    ("closer", "is_taken"),
    [
        (answer(INNER, 0.7), True),
        (answer(INNER, 0.6), False),
        (answer((120, 120, 150, 150), 0.5), False),
        (answer((120, 120, 150, 200), 0.9), False),  # cut by the closer window
    ],
)
def test_a_closer_view_counts_if_it_is_surer_and_shows_the_whole_object(
    closer, is_taken
):
    given = answers()
    given.take(0, [answer(INNER, 0.6)], WINDOW)
    given.take_closer(0, [closer], WINDOW)
    assert (given.rows[0][0] is closer) is is_taken


def test_areas_are_those_of_the_surest_alternatives():
    given = answers()
    given.take(0, [answer((120, 120, 180, 180), 0.3), answer(INNER, 0.8)], WINDOW)
    assert given.areas().tolist() == [900]


@pytest.mark.parametrize(("score", "may_gain"), [(0.79, True), (0.8, False)])
def test_sure_answers_do_not_gain_from_closer(score, may_gain):
    given = answers()
    given.take(0, [answer(INNER, 0.1), answer(INNER, score)], WINDOW)
    assert given.may_gain().tolist() == [may_gain]
