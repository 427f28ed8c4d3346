"""Exact search against scikit-learn's, and UMAP from our graph against umap's own.

    python -m benchmarks.neighbours [--rows 10000] [--columns 50] [--repeats 3]

Both sides of a line run in this process on the same points, in turns; the ratio is what compares
across machines (below 1: ours is faster). Times are the best of the repeats after one warm-up;
"cold" is the first call in this process, which for UMAP imports and compiles.
"""

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np

from dvgs_core.neighbours import nearest_neighbours, pca_layout, umap_layout

NEIGHBOURS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    choice = parser.parse_args()
    rng = np.random.default_rng(0)
    centres = 2 * rng.normal(size=(12, choice.columns))
    X = centres[rng.integers(12, size=choice.rows)] + rng.normal(size=(choice.rows, choice.columns))
    X = X.astype(np.float32)

    print(f"{choice.rows:,} x {choice.columns}, {NEIGHBOURS} neighbours; seconds")
    print(f"{'':22}{'cold':>8}{'ours':>8}{'theirs':>8}{'ratio':>8}")
    compare("exact search", search, search_of_sklearn, X, choice.repeats)
    compare("PCA layout", pca_layout, None, X, choice.repeats)
    compare("UMAP layout", umap_layout, umap_of_umap, X, choice.repeats)


def compare(
    name: str,
    ours: Callable[[np.ndarray], object],
    theirs: Callable[[np.ndarray], object] | None,
    X: np.ndarray,
    repeats: int,
) -> None:
    """Print one line; the two sides alternate, so that a busy machine slows both."""
    cold = seconds(ours, X)
    if theirs is not None:
        seconds(theirs, X)
    times = [(seconds(ours, X), seconds(theirs, X) if theirs else None) for _ in range(repeats)]
    best = min(own for own, _ in times)
    line = f"{name:22}{cold:8.2f}{best:8.2f}"
    if theirs is not None:
        other = min(their for _, their in times if their is not None)
        line += f"{other:8.2f}{best / other:8.2f}"
    print(line, flush=True)


def seconds(call: Callable[[np.ndarray], object], X: np.ndarray) -> float:
    start = time.perf_counter()
    call(X)
    return time.perf_counter() - start


def search(X: np.ndarray) -> object:
    return nearest_neighbours(X, NEIGHBOURS)


def search_of_sklearn(X: np.ndarray) -> object:
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=NEIGHBOURS, algorithm="brute").fit(X).kneighbors()


def umap_of_umap(X: np.ndarray) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from umap import UMAP

        return UMAP(n_neighbors=NEIGHBOURS, random_state=0, n_jobs=1).fit_transform(X)


if __name__ == "__main__":
    main()
