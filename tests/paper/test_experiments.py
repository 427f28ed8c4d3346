"""What is drawn for an experiment, and what is damaged in it."""

import numpy as np
import pytest

from dvgs_core.errors import InputError
from dvgs_core.paper.experiments import EXPERIMENTS, draw, experiment


@pytest.mark.parametrize("number", EXPERIMENTS)
def test_a_draw_has_its_sizes_its_damage_and_nothing_else(data, number):
    chosen = experiment(number).small()
    problem = draw(chosen, data, seed=4)
    sizes = [len(part) for part in (problem.source, problem.target, problem.holdout)]
    assert sizes == [chosen.source, chosen.target, chosen.holdout]
    ids = np.concatenate([p.ids for p in (problem.source, problem.target, problem.holdout)])
    assert len(set(ids.tolist())) == sum(sizes)
    assert (problem.source.ids == problem.clean.ids).all()
    if chosen.damage == "labels":
        assert problem.rate is None and problem.wrong.sum() == round(0.2 * chosen.source)
        assert (problem.source.X == problem.clean.X).all()
        assert ((problem.source.y != problem.clean.y) == problem.wrong).all()
        assert problem.source.y.max() < problem.classes
    else:
        assert problem.wrong is None and problem.rate.min() >= 0
        assert problem.rate.max() <= chosen.amount
        moved = (problem.source.X - problem.clean.X).std(axis=1)
        assert np.corrcoef(moved, problem.rate)[0, 1] > 0.8
        if chosen.number > 6:
            assert problem.source.y is None and problem.classes is None
        else:
            assert (problem.source.y == problem.clean.y).all()


@pytest.mark.parametrize("number", [1, 5, 7, 8])
def test_the_same_seed_draws_the_same(data, number):
    chosen = experiment(number).small()
    one, again, other = (draw(chosen, data, seed=s) for s in (1, 1, 2))
    assert (one.source.X == again.source.X).all() and (one.holdout.X == again.holdout.X).all()
    assert one.source.X.shape != other.source.X.shape or (one.source.X != other.source.X).any()


def test_tables_are_one_hot_and_in_zero_to_one_over_all_rows_used(data):
    problem = draw(experiment(1).small(), data, seed=0)
    X = np.concatenate([problem.source.X, problem.target.X, problem.holdout.X])
    assert X.min(axis=0) == pytest.approx(0) and X.max(axis=0) == pytest.approx(1)


def test_source_rows_are_of_the_training_part_and_the_others_of_the_test_part(data):
    problem = draw(experiment(2).small(), data, seed=0)
    train = (data.blog["split"] == "train").to_numpy()
    assert train[problem.source.ids].all()
    assert not train[problem.target.ids].any() and not train[problem.holdout.ids].any()


def test_more_rows_than_there_are_is_one_line(data):
    with pytest.raises(InputError, match=r"1,000 rows are to be drawn; there are 120\."):
        draw(experiment(1), data, seed=0)


def test_an_experiment_that_there_is_not():
    with pytest.raises(InputError, match="known: 1 to 8"):
        experiment(11)
