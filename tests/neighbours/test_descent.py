"""What pulls and pushes rows on the map, and where what was compiled for it is kept."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_matrix

from dvgs_core.neighbours import descent, nearest_neighbours
from dvgs_core.neighbours.descent import curve, descend
from dvgs_core.neighbours.fuzzy import fuzzy_graph


def pairs(n, *edges):
    """A symmetric graph of full memberships."""
    heads, tails = np.array(edges).T
    both = np.r_[heads, tails], np.r_[tails, heads]
    return coo_matrix((np.ones(2 * len(edges), np.float32), both), shape=(n, n))


def ignored(share):
    pass


def test_rows_of_a_pair_end_together_and_strangers_apart():
    start = np.array([[0, 0], [8, 0], [0, 0.1], [8, 0.1]], np.float32)
    places = descend(pairs(4, (0, 1), (2, 3)), start, 0.1, 500, 0, ignored)
    together = np.linalg.norm(places[[0, 2]] - places[[1, 3]], axis=1)
    apart = np.linalg.norm(places[[0, 1]] - places[[2, 3]], axis=1)
    assert together.max() < 1 < apart.min()


def test_a_weak_pair_pulls_as_seldom_as_its_membership_says():
    graph = pairs(4, (0, 1), (2, 3))
    graph.data[[1, 3]] = 0.01
    start = np.array([[0, 0], [3, 0], [0, 50], [3, 50]], np.float32)
    places = descend(graph, start, 0.1, 60, 0, ignored)
    assert np.linalg.norm(places[0] - places[1]) < 1 < np.linalg.norm(places[2] - places[3])


def test_the_same_seed_gives_the_same_places_and_another_others():
    X = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    graph, start = fuzzy_graph(nearest_neighbours(X, 10)), X[:, :2].copy()
    before = start.copy()
    places = descend(graph, start, 0.1, 50, 3, ignored)
    np.testing.assert_array_equal(descend(graph, start, 0.1, 50, 3, ignored), places)
    assert not np.array_equal(descend(graph, start, 0.1, 50, 4, ignored), places)
    np.testing.assert_array_equal(start, before)


def test_rows_far_beyond_the_table_of_forces_are_pulled_in():
    places = descend(
        pairs(2, (0, 1)), np.array([[-90, 0], [90, 0]], np.float32), 0.1, 500, 0, ignored
    )
    assert np.linalg.norm(places[0] - places[1]) < 2


@pytest.mark.parametrize("min_distance", [0.0, 0.1, 0.5, 1.0])
def test_the_curve_is_that_of_umap_learn(min_distance):
    umap_ = pytest.importorskip("umap.umap_")
    np.testing.assert_allclose(curve(min_distance), umap_.find_ab_params(1.0, min_distance))


def test_the_map_keeps_as_many_neighbours_as_that_of_umap_learn():
    umap_ = pytest.importorskip("umap.umap_")
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(1500, 3)) @ rng.normal(size=(3, 12))).astype(np.float32)
    graph, start = fuzzy_graph(nearest_neighbours(X, 14)), X[:, :2] * 10 / np.abs(X).max()
    theirs, _ = umap_.simplicial_set_embedding(
        X,
        graph.copy(),
        n_components=2,
        initial_alpha=1.0,
        a=curve(0.1)[0],
        b=curve(0.1)[1],
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=200,
        init=start.copy(),
        random_state=np.random.RandomState(0),
        metric="euclidean",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        parallel=False,
    )
    ours = descend(graph, start, 0.1, 200, 0, ignored)
    near = nearest_neighbours(X, 15).indices

    def kept(places):
        drawn = nearest_neighbours(places, 15).indices
        return np.mean([len(np.intersect1d(a, b)) / 15 for a, b in zip(near, drawn, strict=True)])

    assert kept(ours) > kept(theirs) - 0.02
    assert kept(start) < kept(ours) - 0.1


@pytest.mark.parametrize("writable", [True, False])
def test_code_is_kept_on_the_disk_where_a_folder_can_be_written_to(tmp_path, writable):
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "copied.py").write_text(Path(descent.__file__).read_text(encoding="utf-8"))
    if not writable:  # a file stands where the folder of compiled code would be made
        (folder / "__pycache__").write_text("")
    code = (
        "import numpy as np, copied; from scipy.sparse import coo_matrix\n"
        "graph = coo_matrix((np.ones(2, 'f4'), ([0, 1], [1, 0])), shape=(2, 2))\n"
        "copied.descend(graph, np.eye(2, dtype='f4'), 0.1, 9, 0, lambda share: None)\n"
        "print(sum(copied._epoch.stats.cache_hits.values()))"
    )
    environment = {"HOME": str(folder / "copied.py"), "PYTHONPATH": str(folder)}

    def hits():
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    assert hits() == 0
    assert hits() == (1 if writable else 0)
