"""Columns of a table -> numbers a network can learn from.

One part for each kind of column, each a fitted scikit-learn transformer, written into one
float32 array block by block: an embedding of 2,048 columns is never held twice in double
precision. Nothing here sees a label.
"""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError

from dvgs_core.data.columns import holds_containers
from dvgs_core.data.dates import as_dates
from dvgs_core.data.schema import Column, Schema, refuse_infinite
from dvgs_core.data.wording import count, listed, one_line, quoted, rows_listed
from dvgs_core.errors import InputError
from dvgs_core.settings import Settings

_MISSING, _RARE = "\x00missing", "\x00rare"  # no cell that was read can be one of these
_SHOWN = {_MISSING: "(missing)", _RARE: "(rare)"}
_BLOCK = 32_768
_VOCABULARY = 20_000
_FORMAT = 1
#: Raise it when the same rows and settings give other numbers: encoded rows are kept under it.
ENCODING_VERSION = 1
# A saved encoder holds scikit-learn and numpy types that skops itself vouches for, this one of our
# own, and no others.
_TRUSTED = ["dvgs_core.data.ranks.NormalScores"]

Scale = Literal["quantile", "standard", "minmax"]


class EncodingSettings(Settings):
    """How columns become numbers."""

    numeric: Scale = Field(
        default="quantile",
        title="Numbers",
        description="quantile: to a normal distribution by rank, equal numbers at their middle "
        "rank, for skewed measurements; "
        "standard: mean 0, standard deviation 1; minmax: to [0, 1] as in the paper, where rare "
        "categories are not joined either.",
    )
    rare_below: float = Field(
        default=5,
        ge=0,
        title="Rare category",
        description="Categories with fewer rows are joined to one. Below 1: a share of the rows.",
        json_schema_extra={"unit": "rows"},
    )
    max_categories: int = Field(
        default=100,
        ge=2,
        le=10_000,
        title="Most categories of a column",
        description="The commonest are kept; the others are joined with the rare ones.",
    )
    text_components: int = Field(
        default=64,
        ge=1,
        le=1000,
        title="Components of a text",
        description="Numbers that a column of text becomes, by TF-IDF and truncated SVD.",
    )


@dataclass(frozen=True)
class _Part:
    """Columns that one transformer encodes.

    Attributes:
        kind: "numbers", "embedding", "pixels", "category", "boolean", "date" or "text".
        columns: their names.
        facts: what `_prepared` needs to know, in plain numbers and text (saved as JSON).
        transformer: fitted, or None where the prepared numbers are the encoding.
        names: (width,) names of what comes out.
    """

    kind: str
    columns: tuple[str, ...]
    facts: dict[str, Any]
    transformer: Any
    names: tuple[str, ...]


class Encoder:
    """Encodes rows of a table; fitted once, saved with the run, good for rows that come later.

    numeric     rank to normal, equal numbers at their middle rank (or standard, minmax); a missing
                value becomes the median and a 1 in a column "... is missing"
    category    one column a category; rare ones joined, missing a category of its own; one that
                was not there when fitting is encoded as rare
    boolean     0 or 1, missing as for numbers
    date        year, month, day, weekday, hour and days gone by, as far as they vary
    text        TF-IDF and truncated SVD, with one scale for all components
    embedding   mean 0 and standard deviation 1
    pixels      one scale for the whole picture

    Columns of the result that are constant in the rows it was fitted on are left out.
    """

    def __init__(
        self, schema: Schema, settings: EncodingSettings, parts: list[_Part], kept: np.ndarray
    ) -> None:
        self.schema = schema
        self.settings = settings
        self._parts = parts
        self._kept = kept

    @property
    def feature_names(self) -> tuple[str, ...]:
        """(d,) what each column of the result is, such as "education = Masters"."""
        names = [name for part in self._parts for name in part.names]
        return tuple(names[i] for i in self._kept)

    @property
    def source_columns(self) -> tuple[str, ...]:
        """(d,) the column of the table that each column of the result comes from."""
        sources = [source for part in self._parts for source in _sources(part)]
        return tuple(sources[i] for i in self._kept)

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        schema: Schema,
        settings: EncodingSettings | None = None,
        seed: int = 0,
    ) -> "Encoder":
        """Learn scales, categories and vocabulary from rows, without their labels.

        Args:
            frame: (n, columns), the source and target rows.
            schema: which columns are features, and of which kind.
            settings: EncodingSettings() if None.
            seed: for the sample of the quantiles and the SVD.

        Raises:
            InputError: no feature, no row, or none that varies.
        """
        settings = settings or EncodingSettings()
        if not schema.features:
            raise InputError("No column is a feature: give at least one the role feature.")
        if len(frame) == 0:
            raise InputError("There are no rows to fit the encoding on.")
        parts = [
            part
            for kind, columns in _by_part(schema)
            for part in _fitted(kind, columns, frame, schema, settings, seed)
        ]
        encoder = cls(schema, settings, parts, np.empty(0, np.int64))
        lowest, highest = encoder._range(frame)
        encoder._kept = np.flatnonzero(highest > lowest)
        if len(encoder._kept) == 0:
            raise InputError(
                "No feature varies between the rows, so there is nothing to learn from: choose "
                "other features or other rows."
            )
        return encoder

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """Encode rows.

        Args:
            frame: (n, columns), with at least the feature columns, of the kinds fitted.

        Returns:
            (n, d) float32, all finite.

        Raises:
            InputError: a column is not there, or holds what its kind cannot be.
        """
        out = np.empty((len(frame), len(self._kept)), np.float32)
        for start in range(0, len(frame), _BLOCK):
            stop = start + _BLOCK
            out[start:stop] = self._encoded(frame.iloc[start:stop])[:, self._kept]
        rows = np.flatnonzero(~np.isfinite(out).all(axis=1))
        if len(rows):
            name = self.feature_names[int(np.flatnonzero(~np.isfinite(out[rows[0]]))[0])]
            raise InputError(
                f"{quoted(name)} is too large to be encoded in {rows_listed(rows)}: correct the "
                "values in the file."
            )
        return out

    def save(self, path: str | Path) -> None:
        """Write one file: JSON for schema, settings and facts, skops for the transformers."""
        import sklearn
        import skops.io

        described = {
            "format": _FORMAT,
            "scikit-learn": sklearn.__version__,
            "schema": self.schema.model_dump(mode="json"),
            "settings": self.settings.model_dump(mode="json"),
            "kept": self._kept.tolist(),
            "parts": [
                {"kind": p.kind, "columns": p.columns, "facts": p.facts, "names": p.names}
                for p in self._parts
            ],
        }
        transformers = {str(i): part.transformer for i, part in enumerate(self._parts)}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("encoder.json", json.dumps(described, ensure_ascii=False, indent=1))
            archive.writestr("transformers.skops", skops.io.dumps(transformers))

    @classmethod
    def load(cls, path: str | Path) -> "Encoder":
        """Read what `save` wrote. Only the types of our own transformers are accepted.

        Raises:
            InputError: not an encoder's file, or one with other types in it.
        """
        import skops.io
        from skops.io.exceptions import UntrustedTypesFoundException

        name = quoted(Path(path).name)
        try:
            with zipfile.ZipFile(path) as archive:
                described = json.loads(archive.read("encoder.json"))
                data = archive.read("transformers.skops")
            transformers = skops.io.loads(data, trusted=_TRUSTED)
            parts = [
                _Part(
                    kind=p["kind"],
                    columns=tuple(p["columns"]),
                    facts=p["facts"],
                    transformer=transformers[str(i)],
                    names=tuple(p["names"]),
                )
                for i, p in enumerate(described["parts"])
            ]
            return cls(
                Schema(**described["schema"]),
                EncodingSettings(**described["settings"]),
                parts,
                np.array(described["kept"], np.int64),
            )
        except UntrustedTypesFoundException as error:
            raise InputError(
                f"{name} holds types that an encoder never has, so it is not loaded: "
                f"{one_line(error)}"
            ) from error
        except OSError as error:
            raise InputError(f"{name} cannot be read: {error.strerror or error}.") from error
        except (zipfile.BadZipFile, KeyError, TypeError, ValueError, ValidationError) as error:
            raise InputError(f"{name} is not the file of an encoder: fit it again.") from error

    def _encoded(self, frame: pd.DataFrame) -> np.ndarray:
        """(n, all columns) float32, constant ones included."""
        out = np.empty((len(frame), sum(len(part.names) for part in self._parts)), np.float32)
        at = 0
        for part in self._parts:
            with np.errstate(over="ignore"):  # `transform` names the rows
                out[:, at : at + len(part.names)] = _encode(part, frame)
            at += len(part.names)
        return out

    def _range(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest value of each column, before scaling where it is monotone."""
        lowest, highest = [], []
        for start in range(0, len(frame), _BLOCK):
            block = frame.iloc[start : start + _BLOCK]
            values = [_unscaled(part, block) for part in self._parts]
            lowest.append(np.concatenate([v.min(axis=0) for v in values] or [np.empty(0)]))
            highest.append(np.concatenate([v.max(axis=0) for v in values] or [np.empty(0)]))
        return np.min(lowest, axis=0), np.max(highest, axis=0)


def _sources(part: _Part) -> list[str]:
    """The table's column behind each name of a part."""
    if len(part.columns) == 1:
        return [part.columns[0]] * len(part.names)
    return [*part.columns, *(part.columns[i] for i in part.facts["flagged"])]


def _by_part(schema: Schema) -> list[tuple[str, tuple[str, ...]]]:
    """Columns that are encoded together: numbers in one part, each category on its own."""
    pixels = set(schema.pixels)
    together: dict[str, list[str]] = {}
    for column in schema.features:
        kind = _part_kind(column, pixels)
        alone = kind in ("category", "text", "date")
        together.setdefault(f"{kind}\x00{column.name}" if alone else kind, []).append(column.name)
    return [(key.split("\x00")[0], tuple(names)) for key, names in together.items()]


def _part_kind(column: Column, pixels: set[str]) -> str:
    if column.kind != "numeric":
        return str(column.kind)
    if column.name in pixels:
        return "pixels"
    return "embedding" if column.embedding else "numbers"


def _fitted(kind, columns, frame, schema, settings, seed) -> list[_Part]:
    """The fitted part, or none if there is nothing in the columns to encode."""
    if kind in ("numbers", "boolean", "embedding", "pixels"):
        return [_fit_numbers(kind, columns, frame, settings, seed)]
    if kind == "category":
        return [_fit_category(columns[0], frame, settings)]
    if kind == "date":
        return _fit_date(columns[0], frame, settings)
    return _fit_text(columns[0], frame, settings, seed)


def _scaler(scale: str, seed: int) -> Any:
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    from dvgs_core.data.ranks import NormalScores

    if scale == "minmax":
        return MinMaxScaler()
    return StandardScaler() if scale == "standard" else NormalScores(seed=seed)


def _fit_numbers(kind, columns, frame, settings, seed) -> _Part:
    values = _numbers(frame, columns, kind)
    gaps = np.isnan(values)
    flagged = np.flatnonzero(gaps.any(axis=0))
    fill = np.zeros(len(columns))
    for i in range(len(columns)):
        present = values[~gaps[:, i], i] if i in set(flagged.tolist()) else values[:, i]
        if len(present):
            fill[i] = np.median(present)
    facts: dict[str, Any] = {"fill": fill.tolist(), "flagged": flagged.tolist()}
    transformer = None
    if kind == "pixels":
        present = values[~gaps]
        minmax = settings.numeric == "minmax"
        centre = present.min() if minmax else present.mean(dtype="float64")
        spread = np.ptp(present) if minmax else present.std(dtype="float64")
        facts["centre"], facts["spread"] = float(centre), float(spread) or 1.0
    elif kind in ("numbers", "embedding"):
        scale = "standard" if kind == "embedding" else settings.numeric
        filled = np.where(gaps, fill.astype(values.dtype), values) if len(flagged) else values
        transformer = _scaler(scale, seed).fit(filled)
    names = [*columns, *(f"{columns[i]} is missing" for i in flagged)]
    return _Part(kind, columns, facts, transformer, tuple(names))


def _filled(part: _Part, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Numbers with the median where one is missing; and where it is, for columns with gaps."""
    values = _numbers(frame, part.columns, part.kind)
    gaps = np.isnan(values)
    if gaps.any():
        values = np.where(gaps, np.asarray(part.facts["fill"], values.dtype), values)
    return values, gaps[:, part.facts["flagged"]]


def _encode_numbers(part: _Part, frame: pd.DataFrame) -> np.ndarray:
    values, flags = _filled(part, frame)
    if part.kind == "pixels":
        values = (values - part.facts["centre"]) / part.facts["spread"]
    elif part.transformer is not None:
        values = part.transformer.transform(values)
    return np.concatenate([values, flags], axis=1) if flags.shape[1] else values


def _numbers(frame: pd.DataFrame, columns: tuple[str, ...], kind: str) -> np.ndarray:
    """(n, columns) float64, or float32 for embeddings and pixels; NaN where missing."""
    dtype = np.dtype("float32" if kind in ("embedding", "pixels") else "float64")
    _require(frame, columns)
    block = frame[list(columns)]
    if all(isinstance(d, np.dtype) and d.kind in "iufb" for d in block.dtypes):
        values = block.to_numpy(dtype=dtype)
        if np.isinf(values).any():
            for name in columns:
                refuse_infinite(frame[name])
        return values
    values = np.empty(block.shape, dtype)
    for i, name in enumerate(columns):
        column = block[name]
        if column.isna().all():
            values[:, i] = np.nan
            continue
        if kind == "boolean" and not pd.api.types.is_numeric_dtype(column.dtype):
            column = _truth(column)
        if not pd.api.types.is_numeric_dtype(column.dtype):
            raise InputError(
                f"The feature {quoted(name)} must be {kind}, but some cells are not: correct "
                "them, or choose another kind for the column."
            )
        refuse_infinite(column)
        values[:, i] = column.to_numpy(dtype=dtype, na_value=np.nan)
    return values


def _truth(column: pd.Series) -> pd.Series:
    words = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "1": 1.0, "0": 0.0}
    numbers = column.astype(object).map(
        lambda cell: words.get(str(cell).strip().lower()), na_action="ignore"
    )
    if (numbers.isna() & column.notna()).any():
        raise InputError(
            f"The feature {quoted(column.name)} must be true or false, but some cells are "
            "neither: choose category as its kind."
        )
    return numbers.astype("float64")


def _fit_category(name: str, frame: pd.DataFrame, settings: EncodingSettings) -> _Part:
    from sklearn.preprocessing import OneHotEncoder

    texts = _texts(frame, name)
    counts = pd.Series(texts).value_counts()
    rows = counts.drop(_MISSING, errors="ignore")
    rows = rows.reindex(sorted(rows.index)).sort_values(ascending=False, kind="stable")
    kept = list(rows.index)
    if settings.numeric != "minmax":
        least = settings.rare_below
        least = least * len(frame) if least < 1 else least
        common = [level for level in kept if rows[level] >= least]
        if len(common) < len(kept) or len(kept) > settings.max_categories:
            common = common[: settings.max_categories - 1]
        kept = common
    levels = sorted(kept)
    if len(kept) < len(rows):
        levels.append(_RARE)
    if _MISSING in counts.index:
        levels.append(_MISSING)
    one_hot = OneHotEncoder(
        categories=[np.array(levels, dtype=object)],
        handle_unknown="ignore",
        sparse_output=False,
        dtype=np.float32,
    )
    one_hot.fit(np.array(levels, dtype=object).reshape(-1, 1))
    names = tuple(f"{name} = {_SHOWN.get(level, level)}" for level in levels)
    return _Part("category", (name,), {"levels": levels}, one_hot, names)


def _encode_category(part: _Part, frame: pd.DataFrame) -> np.ndarray:
    texts = _texts(frame, part.columns[0])
    levels = part.facts["levels"]
    if _RARE in levels:
        known = pd.Series(texts, dtype=object).isin([*levels, _MISSING]).to_numpy()
        texts = np.where(known, texts, _RARE)
    return part.transformer.transform(texts.reshape(-1, 1))


def _texts(frame: pd.DataFrame, name: str, missing: str = _MISSING) -> np.ndarray:
    """(n,) object array of str: a column's values as text, with a word for missing ones."""
    _require(frame, (name,))
    column = frame[name]
    codes, levels = pd.factorize(column)
    if holds_containers(pd.Series(levels)):
        raise InputError(f"The feature {quoted(name)} holds lists or records: ignore the column.")
    texts = [_as_text(level) for level in levels]
    return np.array([*texts, missing], dtype=object)[codes]  # a code of -1 is the last one


def _as_text(value: Any) -> str:
    """1 and 1.0 are the same category, whether or not the column has gaps."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


# What a part is called, and pandas' name for it.
_DATE_PARTS = {
    "year": "year",
    "month": "month",
    "day": "day",
    "weekday": "day_of_week",
    "hour": "hour",
}


def _fit_date(name: str, frame: pd.DataFrame, settings: EncodingSettings) -> list[_Part]:
    dates = _dates(frame, name)
    if dates.isna().all():
        return []
    parts = [p for p, name in _DATE_PARTS.items() if getattr(dates.dt, name).nunique() > 1]
    origin = dates.min().normalize()
    facts: dict[str, Any] = {
        "parts": parts,
        "origin": origin.isoformat(),
        "flagged": bool(dates.isna().any()),
    }
    values = _date_values(dates, facts)
    facts["fill"] = np.nanmedian(values, axis=0).tolist()
    scale = "minmax" if settings.numeric == "minmax" else "standard"
    filled = np.where(np.isnan(values), facts["fill"], values)
    transformer = _scaler(scale, 0).fit(filled)
    names = [f"{name} {part}" for part in [*parts, "days"]]
    if facts["flagged"]:
        names.append(f"{name} is missing")
    return [_Part("date", (name,), facts, transformer, tuple(names))]


def _encode_date(part: _Part, frame: pd.DataFrame) -> np.ndarray:
    values = _date_values(_dates(frame, part.columns[0]), part.facts)
    gaps = np.isnan(values)
    encoded = part.transformer.transform(np.where(gaps, part.facts["fill"], values))
    if part.facts["flagged"]:
        encoded = np.concatenate([encoded, gaps[:, -1:]], axis=1)
    return encoded


def _date_values(dates: pd.Series, facts: dict[str, Any]) -> np.ndarray:
    days = (dates - pd.Timestamp(facts["origin"])) / pd.Timedelta(days=1)
    columns = [getattr(dates.dt, _DATE_PARTS[part]) for part in facts["parts"]]
    return np.stack([c.to_numpy("float64", na_value=np.nan) for c in [*columns, days]], axis=1)


def _dates(frame: pd.DataFrame, name: str) -> pd.Series:
    """(n,) datetime64 without a time zone; NaT where missing."""
    _require(frame, (name,))
    column = frame[name]
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        zone = pd.DatetimeIndex(column).tz
        return column if zone is None else column.dt.tz_convert("UTC").dt.tz_localize(None)
    texts = column.dropna().astype(str).str.strip()
    if len(texts) == 0:
        return pd.Series(pd.NaT, index=column.index, dtype="datetime64[us]")
    found = as_dates(texts)
    if found is None:
        raise InputError(
            f"The feature {quoted(name)} must be dates, but some cells are not: correct them, or "
            "choose category or text as its kind."
        )
    return found[0].reindex(column.index)


def _fit_text(name: str, frame: pd.DataFrame, settings: EncodingSettings, seed: int) -> list[_Part]:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    texts = _texts(frame, name, missing="")
    vectorizer = TfidfVectorizer(
        strip_accents="unicode",
        sublinear_tf=True,
        min_df=2 if len(texts) >= 100 else 1,
        max_features=_VOCABULARY,
        token_pattern=r"(?u)\b\w+\b",
        dtype=np.float32,
    )
    try:
        weights = vectorizer.fit_transform(texts)
    except ValueError:  # no word at all, or none that comes twice
        return []
    components = min(settings.text_components, weights.shape[1] - 1, weights.shape[0] - 1)
    if components < 1:
        return []
    svd = TruncatedSVD(n_components=components, random_state=seed)
    reduced = svd.fit_transform(weights)
    # One scale for all: the later components of a text hold less, and are to weigh less.
    facts = {
        "centre": reduced.mean(axis=0, dtype="float64").tolist(),
        "spread": float(np.sqrt(reduced.var(axis=0, dtype="float64").mean())) or 1.0,
    }
    names = tuple(f"{name} component {i + 1}" for i in range(components))
    return [_Part("text", (name,), facts, make_pipeline(vectorizer, svd), names)]


def _encode_text(part: _Part, frame: pd.DataFrame) -> np.ndarray:
    reduced = part.transformer.transform(_texts(frame, part.columns[0], missing=""))
    return (reduced - np.asarray(part.facts["centre"])) / part.facts["spread"]


def _unscaled(part: _Part, frame: pd.DataFrame) -> np.ndarray:
    """Varies where the encoding does; without the cost of scaling numbers."""
    if part.kind in ("numbers", "boolean", "embedding", "pixels"):
        return np.concatenate(_filled(part, frame), axis=1)
    return _encode(part, frame)


def _encode(part: _Part, frame: pd.DataFrame) -> np.ndarray:
    if part.kind in ("numbers", "boolean", "embedding", "pixels"):
        return _encode_numbers(part, frame)
    if part.kind == "category":
        return _encode_category(part, frame)
    if part.kind == "date":
        return _encode_date(part, frame)
    return _encode_text(part, frame)


def _require(frame: pd.DataFrame, columns: tuple[str, ...]) -> None:
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        raise InputError(
            f"The table lacks {count(len(absent), 'column')} that the encoding needs: "
            f"{listed(absent)}."
        )
