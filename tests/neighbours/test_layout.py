"""What holds of both layouts, and of UMAP's parts that are ours."""

import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.errors import InputError
from dvgs_core.neighbours import layout as module
from dvgs_core.neighbours import layout_key, nearest_neighbours, pca_layout, umap_layout
from dvgs_core.settings import Settings


def three_blobs(n=240, d=6, seed=0):
    """(n, d) points and (n,) the blob of each; blobs of width 1 stand 20 apart."""
    rng = np.random.default_rng(seed)
    blob = np.arange(n) % 3
    return (rng.normal(size=(n, d)) + 20 * np.eye(3, d)[blob]).astype(np.float32), blob


def stay_separate(layout, blob):
    near = nearest_neighbours(layout, 5).indices
    return bool((blob[near] == blob[:, None]).all())


@pytest.fixture(scope="module")
def laid_out():
    points, blob = three_blobs()
    return points, blob, umap_layout(points, seed=3)


@given(
    n=st.integers(3, 40), d=st.integers(3, 60), seed=st.integers(0, 2**31), offset=st.floats(-9, 9)
)
def test_pca_layout_is_the_projection_on_the_leading_singular_vectors(n, d, seed, offset):
    points = np.random.default_rng(seed).normal(size=(n, d)) * np.geomspace(9, 1, d) + offset
    centred = points - points.mean(0)
    loadings = np.linalg.svd(centred, full_matrices=False)[2][:2].T
    loadings *= np.sign(loadings[np.abs(loadings).argmax(0), [0, 1]])
    found = pca_layout(points)
    # Nearly equal singular values leave the second axis open, so compare only where they differ.
    spread = np.linalg.svd(centred, compute_uv=False)
    for axis in range(2):
        gaps = np.abs(np.delete(spread, axis) - spread[axis])
        if gaps.min() > 0.05 * spread[0]:
            np.testing.assert_allclose(
                found[:, axis], centred @ loadings[:, axis], atol=1e-4 * spread[0]
            )
    assert found.dtype == np.float32


def test_pca_layout_of_wide_and_large_tables_keeps_the_leading_plane(monkeypatch):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 3)) @ (rng.normal(size=(3, 80)) * [[9], [3], [1]])
    expected = pca_layout(points)
    monkeypatch.setattr(module, "LARGEST_EIGENPROBLEM", 10)
    np.testing.assert_allclose(pca_layout(points), expected, atol=1e-3)


def test_pca_layout_counts_every_block_of_rows(monkeypatch):
    points = np.random.default_rng(0).normal(size=(100, 5)) * [5, 4, 3, 2, 1]
    expected = pca_layout(points)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 7)
    np.testing.assert_allclose(pca_layout(points), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layout", [pca_layout, umap_layout])
def test_two_columns_are_their_own_map(layout):
    points = np.random.default_rng(0).normal(size=(50, 2)) + 1e6
    np.testing.assert_allclose(layout(points), points - points.mean(0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layout", [pca_layout, umap_layout])
def test_one_column_is_a_line(layout):
    found = layout(np.arange(30.0)[:, None])
    np.testing.assert_allclose(found[:, 0], np.arange(30.0) - 14.5)
    assert (found[:, 1] == 0).all()


@pytest.mark.parametrize("layout", [pca_layout, umap_layout])
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 5), (30, 4), (30, 70)])
def test_equal_rows_are_one_point(layout, shape):
    found = layout(np.full(shape, 0.1))
    assert found.shape == (shape[0], 2)
    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_two_rows_lie_as_far_apart_as_they_are():
    found = pca_layout(np.array([[0.0, 0, 0], [3, 4, 0]]))
    np.testing.assert_allclose(np.linalg.norm(found[0] - found[1]), 5, rtol=1e-6)


def test_blobs_stay_separate_in_both_layouts(laid_out):
    points, blob, layout = laid_out
    assert stay_separate(pca_layout(points), blob)
    assert stay_separate(layout, blob)
    assert layout.shape == (240, 2)
    assert layout.dtype == np.float32


def test_umap_is_the_same_on_every_run_and_another_with_another_seed(laid_out):
    points, _, layout = laid_out
    np.testing.assert_array_equal(umap_layout(points, seed=3), layout)
    assert not np.array_equal(umap_layout(points, seed=4), layout)


def test_umap_draws_nothing_from_the_global_generator(laid_out):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    umap_layout(laid_out[0][:60])
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_umap_warns_and_prints_nothing(laid_out, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        umap_layout(laid_out[0][:60])
    assert capfd.readouterr() == ("", "")


def test_few_rows_fall_back_to_pca():
    points = np.random.default_rng(0).normal(size=(15, 4))
    np.testing.assert_array_equal(umap_layout(points, neighbours=15), pca_layout(points))
    assert np.isfinite(umap_layout(np.r_[points, points[:1] + 1], neighbours=15)).all()


def test_many_duplicates_and_points_on_a_line_are_laid_out():
    line = np.linspace(0, 1, 40)[:, None] * np.ones(4)
    assert np.isfinite(umap_layout(line, neighbours=5)).all()
    assert np.isfinite(umap_layout(np.repeat(line[::8], 12, axis=0), neighbours=5)).all()


def test_many_columns_are_reduced_before_umap():
    points, blob = three_blobs(n=150, d=80)
    layout = umap_layout(points)
    assert stay_separate(layout, blob)


def test_rows_beyond_the_sample_are_placed_among_their_own(laid_out):
    points, blob, _ = laid_out
    points = points.copy()
    points[1::2] += 0.01
    layout = umap_layout(points, sample_limit=100, seed=1)
    assert stay_separate(layout, blob)
    np.testing.assert_array_equal(umap_layout(points, sample_limit=100, seed=1), layout)


def test_the_sample_is_laid_out_as_it_would_be_alone_and_twins_share_a_place(laid_out):
    points = laid_out[0]
    doubled = np.r_[points[:80], points[:80]]
    layout = umap_layout(doubled, sample_limit=100, seed=1)
    sample = np.sort(np.random.default_rng(1).permutation(160)[:100])
    np.testing.assert_array_equal(layout[sample], umap_layout(doubled[sample], seed=1))
    in_sample = np.isin(np.arange(160), sample)
    only_first = np.flatnonzero(in_sample[:80] & ~in_sample[80:])
    assert len(only_first) > 0
    np.testing.assert_array_equal(layout[only_first + 80], layout[only_first])


@pytest.mark.parametrize("sample_limit", [50, 1000])
def test_progress_rises_from_0_to_1(laid_out, sample_limit):
    shares = []
    umap_layout(laid_out[0][:90], sample_limit=sample_limit, progress=shares.append)
    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    assert len(shares) > 3


def test_an_exception_from_progress_stops_the_work_and_the_next_fit_runs(laid_out):
    class StoppedError(Exception):
        pass

    def stop(share):
        if share > 0.25:
            raise StoppedError

    with pytest.raises(StoppedError):
        umap_layout(laid_out[0][:60], progress=stop)
    assert umap_layout(laid_out[0][:60]).shape == (60, 2)


def test_two_threads_take_turns(laid_out):
    points, _, layout = laid_out
    found = {}
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: umap_layout(points, seed=3)}))
        for i in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(found[0], layout)
    np.testing.assert_array_equal(found[1], layout)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"neighbours": 1}, "neighbours must be at least 2; got 1"),
        ({"min_distance": 1.5}, "min_distance must be from 0 to 1; got 1.5"),
        ({"sample_limit": 15}, "sample_limit must be greater than the 15 neighbours"),
    ],
)
def test_settings_out_of_bounds_are_refused(settings, expected):
    with pytest.raises(InputError, match=expected):
        umap_layout(np.zeros((40, 3)), **settings)


@pytest.mark.parametrize("layout", [pca_layout, umap_layout])
def test_missing_values_are_refused_by_row(layout):
    points = np.zeros((40, 3))
    points[7, 1] = np.nan
    with pytest.raises(InputError, match="rows 7 do not"):
        layout(points)


class MapSettings(Settings):
    kind: str = "umap"
    seed: int = 0


def test_layout_key_follows_content_and_settings_and_nothing_else():
    points = np.arange(12, dtype=np.float32).reshape(4, 3)
    key = layout_key(points, {"kind": "umap", "seed": 0})
    assert len(key) == 32
    assert key == layout_key(points.copy(order="F"), {"seed": 0, "kind": "umap"})
    assert key == layout_key(points, MapSettings())
    others = [
        layout_key(points, {"kind": "umap", "seed": 1}),
        layout_key(points.reshape(3, 4), {"kind": "umap", "seed": 0}),
        layout_key(points.astype(np.float64), {"kind": "umap", "seed": 0}),
        layout_key(points + 1, {"kind": "umap", "seed": 0}),
        layout_key(points[:0], {"kind": "umap", "seed": 0}),
    ]
    assert len({key, *others}) == 6


def test_layout_key_is_refused_for_objects():
    with pytest.raises(InputError, match="objects"):
        layout_key(np.array([["a"]], dtype=object), {})


def test_importing_the_package_imports_nothing_heavy():
    heavy = "{'torch', 'umap', 'numba', 'sklearn', 'scipy'}"
    code = f"import sys, dvgs_core.neighbours; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
