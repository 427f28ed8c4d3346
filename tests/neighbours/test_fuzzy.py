"""The graph that is laid out is umap-learn's."""

import numpy as np
import pytest

from dvgs_core.neighbours import nearest_neighbours
from dvgs_core.neighbours.fuzzy import TOLERANCE, fuzzy_graph


def points(seed, n=150):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)) * rng.choice([0.1, 1.0, 30.0], size=(n, 1))
    X[:20] = X[20:40]  # copies
    X[50:70] = X[50]  # more copies than neighbours
    return X.astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("neighbours", [3, 15])
def test_it_is_the_graph_of_umap_learn(seed, neighbours):
    umap_ = pytest.importorskip("umap.umap_")
    X = points(seed)
    n, near = len(X), nearest_neighbours(X, neighbours - 1)
    theirs, _, _ = umap_.fuzzy_simplicial_set(
        X,
        n_neighbors=neighbours,
        random_state=np.random.RandomState(0),
        metric="euclidean",
        knn_indices=np.concatenate([np.arange(n)[:, None], near.indices], axis=1),
        knn_dists=np.concatenate([np.zeros((n, 1), np.float32), near.distances], axis=1),
    )
    ours = fuzzy_graph(near)
    np.testing.assert_allclose(ours.toarray(), theirs.toarray(), atol=2e-4)


def test_memberships_of_a_row_add_up_to_the_logarithm_of_its_neighbours():
    X = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
    near = nearest_neighbours(X, 7)
    from dvgs_core.neighbours.fuzzy import _kernels

    beyond, widths = _kernels(near.distances.astype(np.float64))
    total = np.exp(-beyond / widths[:, None]).sum(axis=1)
    np.testing.assert_allclose(total, 3.0, atol=TOLERANCE)
    graph = fuzzy_graph(near).toarray()
    np.testing.assert_array_equal(graph, graph.T)
    assert not graph.diagonal().any() and graph.max() <= 1
