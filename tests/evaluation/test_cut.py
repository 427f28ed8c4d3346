"""The cut that a filtering curve recommends."""

import pandas as pd
import pytest

from dvgs_core.evaluation.cut import recommended_cut


def curve(scores: dict[float, list[float]], rows: int = 100) -> pd.DataFrame:
    """Scores by share removed, one a replicate, of the lowest values; the other orders at 0."""
    lines = []
    for which in ("lowest", "highest", "random"):
        for removed, each in scores.items():
            for replicate, score in enumerate(each):
                left = rows - round(removed * rows)
                value = score if which == "lowest" else 0.0
                lines.append((which, removed, replicate, left, value, "accuracy"))
    columns = ["which", "removed", "replicate", "rows", "score", "metric"]
    return pd.DataFrame(lines, columns=columns)


def test_the_smallest_removal_within_one_standard_error_of_the_best():
    # gains over nothing at 0.2: .10 and .14, mean .12, standard error .02; 0.1 lies .015 below
    found = recommended_cut(
        curve({0.0: [0.5, 0.5], 0.1: [0.6, 0.61], 0.2: [0.6, 0.64], 0.3: [0.55, 0.55]})
    )
    assert (found.removed, found.rows) == (0.1, 10)
    assert (found.before, found.after) == (0.5, pytest.approx(0.605))
    # the gain at 0.1 is .10 and .11: standard error .005
    assert found.error == pytest.approx(0.005) and found.lasts == 0.2
    assert found.conclusion == (
        "Dropping the lowest 10 % (10 rows) raises holdout accuracy from 0.500 to 0.605 (±0.005); "
        "past 20 % it falls."
    )
    assert found.against_random == "Random removal of as many leaves it at 0.000."


def test_equal_means_are_equal_whatever_their_last_digit():
    alike = [8 / 37, 10 / 37, 12 / 37]
    found = recommended_cut(
        curve({0.0: [0.2] * 3, 0.1: alike, 0.2: [sum(alike) / 3 + 1e-16] * 3, 0.3: [0.1] * 3})
    )
    assert found.removed == 0.1


def test_a_clearly_better_removal_is_taken_whole():
    found = recommended_cut(curve({0.0: [0.5, 0.5], 0.1: [0.6, 0.6], 0.2: [0.7, 0.7]}))
    assert (found.removed, found.rows) == (0.2, 20)
    assert "it has not fallen at 20 %, the most that was tried" in found.conclusion


def test_nothing_is_removed_where_removing_does_no_good():
    found = recommended_cut(curve({0.0: [0.7, 0.6], 0.1: [0.6, 0.6]}))
    assert (found.removed, found.rows) == (0.0, 0) and "does not raise" in found.conclusion
    assert "without the lowest 10 % it is 0.600" in found.conclusion
    assert found.against_random == ""


def test_one_replicate_knows_no_error_and_takes_the_best():
    found = recommended_cut(curve({0.0: [0.5], 0.1: [0.6], 0.2: [0.61]}))
    assert found.removed == 0.2 and "±" not in found.conclusion
