"""What a map is made of: points, colours and hover texts, each sent to the browser once.

Each has a `version`. The browser keeps what it has seen by version, so pages should build these in
a cached function and hand in the same object again; nothing is sent twice while versions stand.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvgs_core.errors import InputError

HOVER_LIMIT = 20_000  # rows for which every hover text is sent along with the points
LISTED = 1_000  # subsets up to this size travel as positions, larger ones as one bit a point


@dataclass(frozen=True, eq=False)
class MapPoints:
    """The points of one layout that the browser draws.

    Attributes:
        xy: (n, 2) float32, map coordinates, finite.
        ids: (n,) int64, row id of each point.
        version: changes when the layout does; zoom and lasso belong to a version.
        total: rows that the points stand for; more than n when a sample is drawn.
    """

    xy: NDArray[np.float32]
    ids: NDArray[np.int64]
    version: str
    total: int

    @classmethod
    def of(
        cls,
        xy: ArrayLike,
        ids: ArrayLike | None = None,
        *,
        version: str | None = None,
        total: int | None = None,
    ) -> "MapPoints":
        """Check and store points.

        Args:
            xy: (n, 2) coordinates.
            ids: (n,) row ids; None: 0 .. n-1.
            version: None: a digest of the content.
            total: rows the points stand for; None: n.

        Raises:
            InputError: wrong shape, ids that repeat, or coordinates that are not finite.
        """
        places = np.ascontiguousarray(xy, dtype="<f4")
        if places.ndim != 2 or places.shape[1] != 2:
            raise InputError(
                f"The map needs an (n, 2) array of coordinates, got shape {places.shape}: pass "
                "one x and one y per row."
            )
        rows = np.arange(len(places)) if ids is None else np.asarray(ids, dtype=np.int64)
        if rows.shape != (len(places),) or len(np.unique(rows)) != len(rows):
            raise InputError(
                f"The map needs one distinct row id per point, got {rows.shape} for "
                f"{len(places)} points: pass each row once."
            )
        bad = np.flatnonzero(~np.isfinite(places).all(axis=1))
        if len(bad):
            raise InputError(
                f"Map coordinates must be finite, got {len(bad)} that are not (first: row "
                f"{rows[bad[0]]}): leave these rows out of the map."
            )
        version = version or digest(places.tobytes(), rows.tobytes())
        return cls(places, rows, version, len(places) if total is None else total)

    @cached_property
    def payload(self) -> bytes:
        """What the browser is sent, once."""
        consecutive = bool(np.array_equal(self.ids, np.arange(len(self.ids))))
        arrays = {"xy": self.xy.ravel()}
        if not consecutive:
            arrays["ids"] = self.ids.astype("<f8")  # exact up to 2^53, and what JavaScript has
        return pack({"kind": "points", "version": self.version, "n": len(self.ids)}, arrays)

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        order = np.argsort(self.ids)
        return order, self.ids[order]

    def positions(self, rows: ArrayLike) -> NDArray[np.int64]:
        """Positions among the drawn points of those rows that are drawn.

        Args:
            rows: (m,) row ids.

        Returns:
            (k,) int64, k <= m.
        """
        wanted = np.asarray(rows, dtype=np.int64).ravel()
        if not len(self.ids) or not len(wanted):
            return np.empty(0, dtype=np.int64)
        order, ids = self._sorted
        at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
        return order[at[ids[at] == wanted]]

    def subset(self, rows: ArrayLike) -> dict[str, Any]:
        """A set of rows in the short form that the browser reads."""
        at = self.positions(rows)
        if len(at) <= LISTED:
            return {"at": at.tolist()}
        mask = np.zeros(len(self.ids), dtype=bool)
        mask[at] = True
        bits = np.packbits(mask, bitorder="little").tobytes()
        return {"bits": base64.b64encode(bits).decode("ascii")}


@dataclass(frozen=True, eq=False)
class MapHover:
    """Texts of the hover card.

    Attributes:
        fields: names of the lines.
        rows: one tuple of texts a point, in the order of the points; at most HOVER_LIMIT.
        pictures: one "data:image/..." address a point, or empty.
        version: changes when a text does.
    """

    fields: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    version: str
    pictures: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        fields: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        pictures: Sequence[str] = (),
        version: str | None = None,
    ) -> "MapHover":
        """Check and store hover texts.

        Raises:
            InputError: too many rows, or a row that does not have one text a field.
        """
        texts = tuple(tuple(str(text) for text in row) for row in rows)
        if len(texts) > HOVER_LIMIT:
            raise InputError(
                f"Hover texts are sent for at most {HOVER_LIMIT:,} points, got {len(texts):,}: "
                "pass hover=None, and the card shows row, class and value."
            )
        if any(len(row) != len(fields) for row in texts):
            raise InputError(f"Each hover text needs {len(fields)} fields: {', '.join(fields)}.")
        if pictures and len(pictures) != len(texts):
            raise InputError(
                f"Pass one picture per point or none, got {len(pictures)} for {len(texts)}."
            )
        content = json.dumps([list(fields), texts, list(pictures)]).encode()
        return cls(tuple(fields), texts, version or digest(content), tuple(pictures))

    @cached_property
    def payload(self) -> bytes:
        """What the browser is sent, once."""
        return pack(
            {
                "kind": "hover",
                "version": self.version,
                "fields": self.fields,
                "rows": self.rows,
                "pictures": self.pictures,
            },
            {},
        )


def pack(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes:
    """Header and arrays as one block of bytes that the carrier component reads.

    4 bytes: length of the header; the header as JSON, padded with spaces to a multiple of 8; the
    arrays, each padded to a multiple of 8, little-endian.
    """
    layout = [
        {"name": name, "type": array.dtype.str.lstrip("<|"), "length": int(array.size)}
        for name, array in arrays.items()
    ]
    text = json.dumps({**header, "arrays": layout}, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 4) % 8)
    blocks = [len(text).to_bytes(4, "little"), text]
    for array in arrays.values():
        raw = array.tobytes()
        blocks += [raw, b"\0" * (-len(raw) % 8)]
    return b"".join(blocks)


def digest(*parts: bytes) -> str:
    """A short name for content: equal content, equal name."""
    joined = hashlib.blake2b(digest_size=9)
    for part in parts:
        joined.update(len(part).to_bytes(8, "little"))
        joined.update(part)
    return base64.urlsafe_b64encode(joined.digest()).decode("ascii")
