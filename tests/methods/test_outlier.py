"""Outlier scores against their definitions, and on noise that they must see."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from dvgs_core import add_feature_noise, methods
from dvgs_core.methods.outlier import neighbour_distance
from dvgs_core.samples import Samples


@pytest.mark.parametrize("itself", [True, False])
@pytest.mark.parametrize("k", [1, 3, 1000])
def test_distance_to_the_kth_neighbour_by_definition(itself, k, monkeypatch):
    rng = np.random.default_rng(0)
    X, others = rng.normal(size=(2, 20, 3)).astype(np.float32) + 50
    usual = np.concatenate([X, others]) if itself else others
    distance = np.linalg.norm(X[:, None].astype(float) - usual[None].astype(float), axis=2)
    if itself:
        distance[np.arange(20), np.arange(20)] = np.inf
    expected = np.sort(distance, axis=1)[:, min(k, len(usual) - itself) - 1]
    monkeypatch.setattr("dvgs_core.methods.outlier._BLOCK_NUMBERS", 7 * len(usual))
    found = neighbour_distance(X, usual, k, itself=itself, device="cpu")
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_equal_rows_are_at_distance_0_and_a_lone_row_too():
    X = np.full((3, 2), 1e4, np.float32)
    assert (neighbour_distance(X, X, 2, itself=True, device="cpu") == 0).all()
    assert (neighbour_distance(X[:1], X[:1], 2, itself=True, device="cpu") == 0).all()


def test_length_is_the_distance_from_the_mean_row():
    X = np.array([[0.0, 0], [4, 0], [0, 4], [0, 0]])
    found = methods.create("outlier", score="length", against="target").value(
        Samples(X), Samples(X[:2])
    )
    np.testing.assert_allclose(found.values, -np.linalg.norm(X - [2, 0], axis=1))


@pytest.mark.parametrize("score", ["neighbour", "forest", "autoencoder", "length"])
@pytest.mark.parametrize("against", ["source and target", "target"])
def test_every_score_sees_noise_on_all_features(score, against):
    rng = np.random.default_rng(0)
    X = (rng.random((400, 3)) @ rng.random((3, 12))).astype(np.float32)
    noisy, rate = add_feature_noise(X[:250], 3.0, seed=1)
    method = methods.create(
        "outlier", score=score, against=against, seed=3, device="cpu", epochs=60, latent=3
    )
    found = method.value(Samples(noisy), Samples(X[250:]))
    assert (found.values <= 0).all()
    assert spearmanr(found.values, -rate).statistic > 0.75
    np.testing.assert_array_equal(
        found.values, method.value(Samples(noisy), Samples(X[250:])).values
    )


def test_labels_play_no_part():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), rng.integers(0, 2, 60)
    plain = methods.create("outlier").value(Samples(X[:40]), Samples(X[40:])).values
    for labels in (y, 1 - y, rng.normal(size=60)):
        found = methods.create("outlier").value(
            Samples(X[:40], labels[:40]), Samples(X[40:], labels[40:])
        )
        np.testing.assert_array_equal(found.values, plain)
