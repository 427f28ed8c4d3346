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
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from dvgs_core.errors import InputError

HOVER_BYTES = 8_000_000  # of the hover cards of all points together
_LONGEST, _MISSING = 80, "–"
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
class HoverField:
    """One line of the hover card, for every point.

    Attributes:
        name: what stands before it.
        cells: (n,) numbers as float32 or float64, NaN = missing; or places in `texts`, unsigned.
        texts: the different texts, or None for numbers.
    """

    name: str
    cells: NDArray[Any]
    texts: tuple[str, ...] | None

    @classmethod
    def of(cls, column: pd.Series) -> "HoverField":
        """A column of a table, its texts cut where they are long."""
        name = str(column.name)[:_LONGEST]
        if is_numeric_dtype(column) and not is_bool_dtype(column):
            numbers = column.astype("float64").to_numpy(na_value=np.nan)
            short = numbers.astype("<f4")
            exact = column.dtype.kind == "f" or np.array_equal(short, numbers, equal_nan=True)
            return cls(name, short if exact else numbers.astype("<f8"), None)
        words = column.astype("str").where(column.notna(), _MISSING).str.slice(0, _LONGEST)
        codes, texts = pd.factorize(words)
        size = "u1" if len(texts) <= 1 << 8 else "<u2" if len(texts) <= 1 << 16 else "<u4"
        return cls(name, codes.astype(size), tuple(map(str, texts)))

    @property
    def bytes(self) -> int:
        """About what it costs to send."""
        return self.cells.nbytes + sum(len(text) + 3 for text in self.texts or ())


@dataclass(frozen=True, eq=False)
class MapHover:
    """What the hover card shows of each point, sent to the browser with the points.

    Attributes:
        count: of the points.
        fields: the lines of the card.
        pictures: one "data:image/..." address a point, or empty.
        version: changes when a cell does.
    """

    count: int
    fields: tuple[HoverField, ...]
    pictures: tuple[str, ...]
    version: str

    @classmethod
    def of(cls, frame: pd.DataFrame, *, pictures: Sequence[str] = ()) -> "MapHover":
        """From a table.

        Args:
            frame: a line a point, in their order; the columns in the order of the card. Once
                HOVER_BYTES are used up, columns that do not fit are left out, so that a map of
                many points is not slow to open.
            pictures: one a point, or none.

        Raises:
            InputError: not one picture a point.
        """
        if pictures and len(pictures) != len(frame):
            raise InputError(
                f"Pass one picture per point or none, got {len(pictures)} for {len(frame)}."
            )
        fields, left = [], HOVER_BYTES
        for position in range(frame.shape[1]):
            field = HoverField.of(frame.iloc[:, position])
            if field.bytes <= left:
                fields.append(field)
                left -= field.bytes
        content = json.dumps([[f.name, f.texts] for f in fields] + [list(pictures)]).encode()
        version = digest(content, *(field.cells.tobytes() for field in fields))
        return cls(len(frame), tuple(fields), tuple(pictures), version)

    @cached_property
    def payload(self) -> bytes:
        """What the browser is sent, once."""
        return pack(
            {
                "kind": "hover",
                "version": self.version,
                "fields": [{"name": f.name, "texts": f.texts} for f in self.fields],
                "pictures": self.pictures,
            },
            {f"field{at}": field.cells for at, field in enumerate(self.fields)},
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
