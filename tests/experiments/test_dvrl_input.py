"""DVRL's input, ordered by itself, on a draw of the paper's data."""

import os
from pathlib import Path

import numpy as np
import pytest

from dvgs_core.evaluation import detection
from dvgs_core.methods.dvrl import DVRL, PAPER
from dvgs_core.paper.data import DataSets
from dvgs_core.paper.experiments import draw, experiment
from dvgs_core.paper.work import Request, done
from experiments.dvrl_input import work


@pytest.mark.skipif("DVGS_DATA" not in os.environ, reason="needs the paper's data in DVGS_DATA")
def test_wrong_labels_are_those_the_target_network_is_far_from(tmp_path):
    request = Request(DataSets(Path(os.environ["DVGS_DATA"])), tmp_path, command="it")
    (record,) = done(request, [work(request, 1, seed=0)])
    problem = draw(experiment(1), request.data, 0)
    method = DVRL(seed=0, **PAPER["adult-labels"])
    distance = method.estimator_inputs(problem.source, problem.target, 2).distance.numpy()
    assert distance.shape == (1000, 2) and (distance >= 0).all() and (distance <= 1).all()
    np.testing.assert_allclose(distance[:, 0], distance[:, 1], atol=1e-6)  # of two classes
    expected = detection(problem.wrong, -distance[:, 0]).auroc
    assert record.outcome["auroc"] == pytest.approx(expected, abs=1e-4) and expected > 0.8
    assert list(done(request, [work(request, 1, seed=0)])) == []
