"""Small operations side by side: in order, begun no further than asked, and nothing left behind."""

import threading
from itertools import count, islice

import pytest
import torch

from dvgs_core.models.threads import one_thread, side_by_side, single_threads


@pytest.fixture
def pool():
    with single_threads(2) as pool:
        yield pool


def test_results_come_in_the_order_of_items_which_are_made_by_who_works_on_them(pool):
    makers, workers, first_may_end = [], [], threading.Event()

    def items():
        for number in range(6):
            makers.append(threading.current_thread())
            yield number

    def square(number):
        workers.append((number, threading.current_thread()))
        if number == 0:
            assert first_may_end.wait(10)
        if number == 1:  # ends before the one before it
            first_may_end.set()
        return number * number

    found = list(side_by_side(pool, 2, items(), square))
    assert found == [0, 1, 4, 9, 16, 25]
    assert dict(workers) == dict(enumerate(makers)) and len(set(makers)) == 2
    assert threading.current_thread() not in makers


def test_no_more_is_begun_than_two_items_a_thread_beyond_what_is_taken(pool):
    made, begun = [], [threading.Event() for _ in range(9)]

    def items():
        for number, event in enumerate(begun):
            made.append(number)
            event.set()
            yield number

    results = side_by_side(pool, 2, items(), int)
    assert next(results) == 0
    assert all(event.wait(10) for event in begun[:5])
    assert next(results) == 1
    assert begun[5].wait(10)
    results.close()
    assert made == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("in_making", [True, False])
def test_what_goes_wrong_is_raised_where_its_result_would_have_come(pool, in_making):
    mishap = KeyError("the third")

    def items():
        yield from (1, 2)
        if in_making:
            raise mishap
        yield from count(3)

    def work(number):
        if number == 3:
            raise mishap
        return number

    results = side_by_side(pool, 2, items(), work)
    assert list(islice(results, 2)) == [1, 2]
    with pytest.raises(KeyError) as raised:
        next(results)
    assert raised.value is mishap


def test_closing_waits_for_what_was_begun(pool):
    ended, last_may_end = [], threading.Event()

    def work(number):
        if number == 1:
            last_may_end.set()
        elif number == 2:
            assert last_may_end.wait(10)
        ended.append(number)
        return number

    results = side_by_side(pool, 2, count(), work)
    assert next(results) == 0
    results.close()
    begun = sorted(ended)
    assert begun == list(range(len(begun))) and len(begun) <= 5
    assert list(side_by_side(pool, 2, iter("ab"), str.upper)) == ["A", "B"]  # the pool is free


def test_a_single_thread_stays_one_whatever_others_ask_for():
    before, asked, found = torch.get_num_threads(), threading.Event(), []

    def look():
        one_thread()
        begun.set()
        assert asked.wait(10)
        found.append(torch.get_num_threads())

    begun, thread = threading.Event(), threading.Thread(target=look)
    thread.start()
    assert begun.wait(10)
    torch.set_num_threads(max(2, before))
    asked.set()
    thread.join()
    torch.set_num_threads(before)
    assert found == [1]
