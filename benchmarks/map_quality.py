"""How well the map keeps neighbourhoods, of rows laid out and of rows placed among them.

    python -m benchmarks.map_quality                        generated: 50,000 rows of 100 columns
    python -m benchmarks.map_quality --file adult.parquet --limits 20000 30000 50000

Beyond its limit UMAP lays out a sample and places every other row by its nearest laid-out ones.
For each limit this prints, over rows of either kind, the trustworthiness (1: who is near on the map
is near in the data) and the share of the nearest rows in the data that are among the nearest on the
map, both at 15 neighbours and among all rows, with the processor seconds of the layout.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.machine import load as load_of_machine
from benchmarks.tables import LABEL, mixed_table
from dvgs_core.data import Encoder, infer_schema
from dvgs_core.data.frame import from_frame
from dvgs_core.data.load import load
from dvgs_core.neighbours import umap_layout

NEIGHBOURS = 15
_AT_ONCE = 250


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, help="a table; none: a generated one")
    parser.add_argument("--label", help="its label, no part of the map")
    parser.add_argument("--rows", type=int, default=50_000, help="of the generated table")
    parser.add_argument("--columns", type=int, default=100, help="of the generated table")
    parser.add_argument("--limits", type=int, nargs="+", default=[20_000, 30_000])
    parser.add_argument("--looked-at", type=int, default=2500, help="rows of either kind")
    asked = parser.parse_args()
    if asked.file is None:
        table, label = from_frame(mixed_table(asked.rows, asked.columns), "generated"), LABEL
    else:
        table, label = load(asked.file), asked.label
    X = Encoder.fit(table.frame, infer_schema(table, label)).transform(table.frame)
    n = len(X)
    print(f"{n:,} rows, {X.shape[1]} inputs; load {load_of_machine()}")
    print(f"{'laid out':>10}  {'rows':<10}{'trustworthiness':>16}{'kept':>8}{'processor s':>13}")
    for limit in asked.limits:
        started = time.process_time()
        layout = umap_layout(X, sample_limit=limit)
        seconds = time.process_time() - started
        sample = np.sort(np.random.default_rng(0).permutation(n)[:limit])
        rest = np.setdiff1d(np.arange(n), sample)
        for what, rows in (("laid out", sample), ("placed", rest)):
            if len(rows):
                count = min(asked.looked_at, len(rows))
                some = np.random.default_rng(1).choice(rows, count, replace=False)
                trust, kept = quality(X, layout, some)
                print(f"{limit:10,}  {what:<10}{trust:16.3f}{kept:8.3f}{seconds:13.1f}", flush=True)


def quality(X: np.ndarray, layout: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    """Trustworthiness and kept neighbours of some rows among all.

    Args:
        X: (n, d) float32, the data.
        layout: (n, 2) float32, the map.
        rows: (m,) int64, which rows are looked at.

    Source: Venna and Kaski 2001, "Neighborhood preservation in nonlinear projection methods".
    """
    n, k = len(X), NEIGHBOURS
    points, places = torch.from_numpy(np.ascontiguousarray(X)), torch.from_numpy(layout)
    norms = (points * points).sum(1)
    lost = kept = 0.0
    for some in np.array_split(rows, -(-len(rows) // _AT_ONCE)):
        own = np.arange(len(some))
        apart = norms - 2 * points[some] @ points.T  # what is the same for a whole row left out
        drawn = torch.cdist(places[some], places)
        apart[own, some] = drawn[own, some] = torch.inf
        near = apart.gather(1, drawn.topk(k, largest=False).indices)
        ranks = torch.stack([(apart < near[:, j : j + 1]).sum(1) + 1 for j in range(k)])
        lost += float((ranks - k).clamp(min=0).sum())
        kept += float((ranks <= k).sum())
    trust = 1 - 2 / (k * (2 * n - 3 * k - 1)) * lost / len(rows)
    return trust, kept / (k * len(rows))


if __name__ == "__main__":
    main()
