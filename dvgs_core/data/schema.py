"""What each column is for. Inferred from names and values, and every guess can be changed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from dvgs_core.data import columns as of_column
from dvgs_core.data.pixels import find_pixels
from dvgs_core.data.table import Table
from dvgs_core.data.wording import count, listed, nearest_names, quoted, rows_listed
from dvgs_core.errors import InputError
from dvgs_core.settings import Settings, validated

Role = Literal["label", "feature", "id", "group", "image", "ignore"]
Kind = Literal["numeric", "category", "boolean", "date", "text"]
Task = Literal["classification", "regression", "reconstruction"]

MAXIMUM_CLASSES = 1000
_LABEL_NAMES = (
    *("label", "labels", "target", "targets", "class", "classes", "y", "outcome", "income"),
    *("diagnosis", "species", "category", "sentiment", "survived", "churn", "is_fraud", "fraud"),
    *("default", "response", "quality", "price", "medv", "result", "class_label", "target_label"),
    *("topic", "intent", "emotion", "cell_type", "celltype", "phenotype", "disease", "rating"),
)
_ID_WORDS = frozenset(["id", "ids", "uuid", "guid", "index", "idx", "key", "row", "rowid", "nr"])
_SPLIT_NAMES = frozenset(["split", "fold", "folds", "partition", "subset", "set", "dataset"])
_SPLIT_VALUES = frozenset(
    ["train", "training", "test", "testing", "val", "valid", "validation", "dev", "holdout", "eval"]
)
_GROUP_WORDS = frozenset(
    ["group", "patient", "subject", "participant", "household", "customer", "session", "person"]
)
_EMPTY = ("No value in any row.", "The same value in every row.")
_IMAGE_PATH = re.compile(r".+\.(png|jpe?g|bmp|gif|webp|tiff?)", re.IGNORECASE)
_IMAGE_BYTES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"RIFF", b"II*\x00", b"MM\x00*")


class Column(Settings):
    """One column's part in the work."""

    name: str = Field(title="Column")
    role: Role = Field(default="feature", title="Role")
    kind: Kind = Field(
        default="numeric", title="Kind", description="How a feature or label is read."
    )
    embedding: bool = Field(default=False, title="Part of an embedding")
    note: str = Field(
        default="", title="Why", description="Why the role was chosen, if not obvious."
    )


class Schema(Settings):
    """The role of every column, and the task.

    `pixels` are feature columns that together are one picture of `image_shape`, in its order.
    """

    columns: tuple[Column, ...] = Field(title="Columns")
    task: Task = Field(default="reconstruction", title="Task")
    image_shape: tuple[int, ...] | None = Field(default=None, title="Shape of a picture")
    pixels: tuple[str, ...] = Field(default=(), title="Columns that are its pixels")

    @property
    def label(self) -> str | None:
        """Name of the label column, or None."""
        return next((c.name for c in self.columns if c.role == "label"), None)

    @property
    def features(self) -> tuple[Column, ...]:
        """Columns that are learned from."""
        return tuple(c for c in self.columns if c.role == "feature")

    @property
    def only_features(self) -> "Schema":
        """The same without its other columns, and so without a label: what is encoded."""
        return self.model_copy(update={"columns": self.features, "task": "reconstruction"})

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the columns that only tell rows apart."""
        return tuple(c.name for c in self.columns if c.role == "id")

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the columns that say which rows belong together."""
        return tuple(c.name for c in self.columns if c.role == "group")

    @property
    def image_column(self) -> str | None:
        """Name of the column of image bytes or paths, or None."""
        return next((c.name for c in self.columns if c.role == "image"), None)

    def column(self, name: str) -> Column:
        """The column of this name.

        Raises:
            InputError: there is none; names near it are listed.
        """
        found = next((c for c in self.columns if c.name == name), None)
        if found is None:
            near = nearest_names(name, [c.name for c in self.columns])
            raise InputError(f"There is no column {quoted(name)}. {near}")
        return found

    def with_role(self, name: str, role: Role, kind: Kind | None = None) -> "Schema":
        """The same schema with one column's role, and kind if given, changed.

        There is one label: giving the role to another column sets the former label to ignore,
        because a label under another name would tell the network the answer. Without a label the
        task becomes reconstruction; with a first one it follows from its kind.

        Raises:
            InputError: no such column, role or kind; what there is is listed.
        """
        before = self.column(name)
        new = dict(name=name, role=role, kind=kind or before.kind, embedding=before.embedding)
        after = validated(Column, new)
        columns = []
        for column in self.columns:
            if column.name == name:
                columns.append(after)
            elif role == "label" and column.role == "label":
                update = {"role": "ignore", "note": "Was the label before."}
                columns.append(column.model_copy(update=update))
            else:
                columns.append(column)
        task = self.task
        if role == "label" and (before.role != "label" or after.kind != before.kind):
            task = "regression" if after.kind == "numeric" else "classification"
        elif before.role == "label" and role != "label":
            task = "reconstruction"
        pixels = tuple(p for p in self.pixels if p != name or role == "feature")
        whole = len(pixels) == len(self.pixels)
        return self.model_copy(
            update={
                "columns": tuple(columns),
                "task": task,
                "pixels": pixels if whole else (),
                "image_shape": self.image_shape if whole else None,
            }
        )

    def with_label(self, name: str | None) -> "Schema":
        """The same schema with another label, or with none."""
        if name is not None:
            return self.with_role(name, "label")
        return self if self.label is None else self.with_role(self.label, "ignore")

    def with_task(self, task: Task) -> "Schema":
        """The same schema for another task.

        Raises:
            InputError: classification or regression without a label.
        """
        if task == self.task:
            return self
        if task == "reconstruction":
            return self.with_label(None)
        if self.label is None:
            raise InputError(f"A {task} needs a label: choose a label column first.")
        kind: Kind = "numeric" if task == "regression" else "category"
        changed = self.with_role(self.label, "label", kind)
        return changed.model_copy(update={"task": task})


def infer_schema(table: Table, label: str | None = None) -> Schema:
    """Roles, kinds and task, guessed from names and values.

    Args:
        table: from `load`.
        label: the label column; None looks for one with a usual name.

    Raises:
        InputError: `label` is no column.
    """
    frame = table.frame
    if label is not None and label not in frame.columns:
        near = nearest_names(label, frame.columns)
        raise InputError(f"There is no column {quoted(label)} to be the label. {near}")
    embedded = set(table.embedding_columns)
    pixels: tuple[str, ...]
    shape: tuple[int, ...] | None
    if table.image_shape is not None and np.prod(table.image_shape) == len(embedded):
        pixels, shape = table.embedding_columns, table.image_shape
    else:
        pixels, shape = find_pixels(frame, without=embedded | {label} - {None})
    known = embedded | set(pixels)
    columns = [
        Column(name=name, kind="numeric", embedding=name in embedded and name not in set(pixels))
        if name in known and name != label
        else _guess(frame[name])
        for name in frame.columns
    ]
    label = label if label is not None else _guess_label(columns, frame, known)
    if label is None:
        return Schema(
            columns=tuple(columns), task="reconstruction", image_shape=shape, pixels=pixels
        )
    kind = _label_kind(frame[label])
    columns = [
        Column(name=label, role="label", kind=kind)
        if column.name == label
        else _unless_label_again(column, frame, label)
        for column in columns
    ]
    task: Task = "regression" if kind == "numeric" else "classification"
    return Schema(columns=tuple(columns), task=task, image_shape=shape, pixels=pixels)


def _guess(column: pd.Series) -> Column:
    """Role and kind of a column that is neither label, pixel nor part of an embedding."""
    name, kind = str(column.name), of_column.kind_of(column)

    def is_(role: Role, note: str = "") -> Column:
        return Column(name=name, role=role, kind=kind, note=note)

    present = column.dropna()
    if len(present) == 0:
        return is_("ignore", _EMPTY[0])
    if column.dtype == object and of_column.holds_bytes(present):
        if present.iloc[0][:4].startswith(_IMAGE_BYTES):
            return is_("image", "Pictures.")
        return is_("ignore", "Bytes that are no known picture.")
    if of_column.holds_containers(present):
        return is_("ignore", "Lists or records, not single values.")
    words = of_column.words(name)
    whole = pd.api.types.is_integer_dtype(column.dtype)
    groups = bool(words & _GROUP_WORDS and (words & _ID_WORDS or "group" in words))
    split_name = bool(words & _SPLIT_NAMES)
    if pd.api.types.is_float_dtype(column.dtype) and not (groups or split_name):
        # measurements: how many values differ is long to count and tells nothing
        constant = len(present) == len(column) and bool((present == present.iloc[0]).all())
        return is_("ignore", _EMPTY[1]) if constant else is_("feature")
    distinct = present.nunique()
    if distinct == 1 and len(present) == len(column):
        return is_("ignore", _EMPTY[1])
    if split_name:
        few = {str(v).lower() for v in present.unique()} if distinct <= 50 else set()
        if (few and few <= _SPLIT_VALUES) or (words & {"fold", "folds"}):
            return is_("ignore", "Says how the data was split; use it in a query.")
    unique = distinct == len(column)
    if unique and whole and (words & _ID_WORDS or _counts_rows(column)):
        return is_("id", "Numbers the rows.")
    text = isinstance(column.dtype, pd.StringDtype) or column.dtype == object
    if text and kind in ("category", "text") and isinstance(present.iloc[0], str):
        if unique and words & _ID_WORDS:
            return is_("id", "A different value in every row.")
        if present.head(1000).str.fullmatch(_IMAGE_PATH).mean() > 0.9:
            return is_("image", "Names of picture files.")
        if kind == "category" and len(present) > 20 and distinct > 0.9 * len(present):
            return is_("id", "A different value in nearly every row.")
    if groups and kind != "date" and 2 < distinct <= 0.9 * len(present):
        return is_("group", "Says which rows belong together.")
    return is_("feature")


def _counts_rows(column: pd.Series) -> bool:
    values = column.to_numpy(dtype="int64", na_value=-1)
    steady = len(values) > 2 and np.array_equal(values - values[0], np.arange(len(values)))
    return steady and int(values[0]) in (0, 1)


def _guess_label(columns: list[Column], frame: pd.DataFrame, known: set[str]) -> str | None:
    able = {
        c.name.lower(): c.name
        for c in reversed(columns)
        if c.role in ("feature", "group") and c.name not in known and c.kind not in ("text", "date")
    }
    for name in _LABEL_NAMES:
        if name in able:
            return able[name]
    ending = [c.name for c in columns if re.search(r"[_ .-](label|target|class)$", c.name.lower())]
    ending = [name for name in ending if able.get(name.lower()) == name]
    return ending[0] if len(ending) == 1 else None


def _label_kind(column: pd.Series) -> Kind:
    """numeric for what is a quantity, else boolean or category."""
    kind = of_column.kind_of(column)
    if kind != "numeric":
        return "boolean" if kind == "boolean" else "category"
    values = column.dropna()
    if not np.isfinite(values.to_numpy(dtype="float64")).all():
        return "numeric"
    distinct, rows = values.nunique(), len(values)
    if rows and distinct > max(2, rows / 2):
        return "numeric"
    whole = (values == np.floor(values.to_numpy(dtype="float64"))).all()
    if pd.api.types.is_integer_dtype(column.dtype):
        # Counts and ages have many values too: more than 100 are taken for a quantity.
        few = distinct <= 20 or (distinct <= 100 and distinct <= 0.05 * rows)
    else:
        few = bool(whole) and distinct <= 20
    return "category" if few else "numeric"


def _unless_label_again(column: Column, frame: pd.DataFrame, label: str) -> Column:
    """Set a feature to ignore if it gives the label away."""
    if column.role not in ("feature", "group") or column.kind in ("text", "date"):
        return column
    if column.embedding:
        return column
    values, labels = frame[column.name], frame[label]
    named = bool(of_column.words(column.name) & {"label", "labels"})
    if named and values.nunique() <= MAXIMUM_CLASSES and values.nunique() <= 0.5 * len(values):
        update = {"role": "ignore", "note": "Seems to be another label of the same rows."}
        return column.model_copy(update=update)
    if column.kind == "category" and _same_partition(values, labels):
        note = f"Says the same as the label {quoted(label)} in other words."
        return column.model_copy(update={"role": "ignore", "note": note})
    return column


def _same_partition(values: pd.Series, labels: pd.Series) -> bool:
    if of_column.holds_containers(labels.dropna()):
        return False
    distinct = values.nunique()
    if distinct < 2 or distinct > MAXIMUM_CLASSES or distinct != labels.nunique():
        return False
    if values.isna().any() or len(values) < 3 * distinct:
        return False
    codes, _ = pd.factorize(values)
    other, _ = pd.factorize(labels)
    return len(np.unique(np.stack([codes, other])[:, other >= 0], axis=1).T) == distinct


@dataclass(frozen=True)
class Labels:
    """The label of every row.

    Attributes:
        y: classification: (n,) int64, position in `classes`, -1 where missing. Regression: (n,)
            float64, NaN where missing. Reconstruction: (n,) float64, all NaN.
        classes: the original values as Python objects, sorted; () unless classification.
        missing: (n,) bool; all False in reconstruction, where no label is wanted.
    """

    y: np.ndarray
    classes: tuple[Any, ...]
    missing: np.ndarray

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The classes as text, for display; 1.0 is shown as 1."""
        return tuple(
            str(int(c)) if isinstance(c, float) and c.is_integer() else str(c) for c in self.classes
        )


def read_labels(frame: pd.DataFrame, schema: Schema) -> Labels:
    """The labels as the task needs them.

    Raises:
        InputError: the label column is not there, or holds no numbers in a regression.
    """
    n = len(frame)
    if schema.task == "reconstruction":
        return Labels(np.full(n, np.nan), (), np.zeros(n, bool))
    column = _label_column(frame, schema)
    if of_column.holds_containers(column.dropna()):
        raise InputError(
            f"{quoted(column.name)} holds lists or records: it cannot be the label; choose "
            "another column."
        )
    missing = column.isna().to_numpy(dtype=bool)
    if schema.task == "regression":
        if not pd.api.types.is_numeric_dtype(column.dtype):
            raise InputError(
                f"A regression needs numbers as label, but {quoted(column.name)} holds "
                f"{of_column.described(column)}: choose another label, or classification."
            )
        y = column.to_numpy(dtype="float64", na_value=np.nan)
        return Labels(y, (), missing)
    codes, found = pd.factorize(column)
    values = [v.item() if isinstance(v, np.generic) else v for v in found]
    if isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered:
        position = {value: i for i, value in enumerate(column.dtype.categories)}
        order = sorted(range(len(values)), key=lambda i: position[values[i]])
    else:
        order = sorted(range(len(values)), key=lambda i: of_column.sort_key(values[i]))
    rank = np.full(len(values) + 1, -1, dtype=np.int64)
    rank[order] = np.arange(len(values))
    return Labels(rank[codes], tuple(values[i] for i in order), missing)


def class_texts(cells: Iterable[str], labels: Labels) -> tuple[str, ...]:
    """How each class is written in the file: the commonest text of its cells.

    So that a relabelled row of a CSV file reads like its neighbours ("TRUE", "01", " >50K").

    Args:
        cells: (n,) text of the label column, from `read_cells`.
        labels: of the same rows.
    """
    texts = pd.Series(list(cells), dtype=object)
    return tuple(
        str(texts[labels.y == code].mode().iloc[0]) if (labels.y == code).any() else name
        for code, name in enumerate(labels.names)
    )


def _label_column(frame: pd.DataFrame, schema: Schema) -> pd.Series:
    if schema.label is None:
        raise InputError(f"A {schema.task} needs a label: choose a label column.")
    if schema.label not in frame.columns:
        near = nearest_names(schema.label, frame.columns)
        raise InputError(f"There is no label column {quoted(schema.label)}. {near}")
    return frame[schema.label]


def check_schema(frame: pd.DataFrame, schema: Schema) -> list[str]:
    """Refuse what cannot work; say what a person should know about the rest.

    Returns:
        Notes, a sentence each.

    Raises:
        InputError: a column is not there, nothing can be learned from, or the label does not
            suit the task.
    """
    absent = [c.name for c in schema.columns if c.name not in frame.columns]
    if schema.label in absent:
        _label_column(frame, schema)
    if absent:
        near = nearest_names(absent[0], frame.columns)
        raise InputError(f"The table has no column {listed(absent)}. {near}")
    _check_features(frame, schema)
    return check_label(frame, schema)


def check_label(frame: pd.DataFrame, schema: Schema) -> list[str]:
    """What `check_schema` says, and refuses, where all features are known to suit.

    Args:
        frame: (n, columns), with at least the label.
        schema: as for `check_schema`.

    Returns:
        Notes, a sentence each.

    Raises:
        InputError: the label is not there or does not suit the task.
    """
    notes = _left_out(schema)
    if schema.task == "regression":
        notes += _check_quantity(frame, schema)
    elif schema.task == "classification":
        notes += _check_classes(frame, schema)
    return notes


def _check_features(frame: pd.DataFrame, schema: Schema) -> None:
    if not schema.features:
        raise InputError(
            "No column is a feature, so there is nothing to learn from: give at least one column "
            "the role feature."
        )
    unsuited = []
    for column in schema.features:
        values = frame[column.name]
        if values.isna().all():
            raise InputError(
                f"The feature {quoted(column.name)} has no value in any row: give it the role "
                "ignore."
            )
        if column.kind == "numeric":
            refuse_infinite(values)
            if not pd.api.types.is_numeric_dtype(values.dtype):
                raise InputError(
                    f"The feature {quoted(column.name)} is to be numeric but holds "
                    f"{of_column.described(values)}: choose category or text."
                )
        elif of_column.holds_containers(values.dropna()) or of_column.holds_bytes(values.dropna()):
            unsuited.append(column.name)
    if unsuited:
        raise InputError(
            f"Features must be single values, but {listed(unsuited)} holds bytes or lists: give "
            "it the role image or ignore."
        )


def _left_out(schema: Schema) -> list[str]:
    left_out = [c for c in schema.columns if c.role == "ignore" and c.note in _EMPTY]
    if not left_out:
        return []
    names = listed(c.name for c in left_out)
    what = count(len(left_out), "column")
    return [f"Ignored {what} without information (empty, or the same in every row): {names}."]


def refuse_infinite(values: pd.Series) -> None:
    """Raise an InputError that names the rows with infinite values, if there are any."""
    if values.dtype.kind != "f" and not isinstance(
        values.dtype, (pd.Float64Dtype, pd.Float32Dtype)
    ):
        return
    rows = np.flatnonzero(np.isinf(values.to_numpy(dtype="float64", na_value=np.nan)))
    if len(rows):
        raise InputError(
            f"{quoted(values.name)} has {count(len(rows), 'infinite value')} "
            f"({rows_listed(rows)}): replace them in the file, or give the column the role ignore."
        )


def _check_quantity(frame: pd.DataFrame, schema: Schema) -> list[str]:
    labels = read_labels(frame, schema)
    column = _label_column(frame, schema)
    refuse_infinite(column)
    _refuse_without_labels(labels, column)
    if column.dropna().nunique() < 2:
        raise InputError(
            f"The label {quoted(column.name)} has the same value in every row: there is nothing "
            "to predict; choose another label."
        )
    return _unlabelled(labels)


def _check_classes(frame: pd.DataFrame, schema: Schema) -> list[str]:
    column = _label_column(frame, schema)
    refuse_infinite(column)
    labels = read_labels(frame, schema)
    _refuse_without_labels(labels, column)
    classes, rows = len(labels.classes), int((~labels.missing).sum())
    if classes < 2:
        raise InputError(
            f"The label {quoted(column.name)} has one class, {quoted(labels.names[0])}: "
            "classification needs at least two; choose another label."
        )
    nearly_all = classes > max(20, rows / 2)
    if classes > MAXIMUM_CLASSES or nearly_all:
        numeric = pd.api.types.is_numeric_dtype(column.dtype)
        instead = "choose regression as task" if numeric else "choose another column as label"
        what = "nearly every row its own class" if nearly_all else f"at most {MAXIMUM_CLASSES:,}"
        raise InputError(
            f"The label {quoted(column.name)} has {classes:,} classes in {count(rows, 'row')} "
            f"({what}): {instead}."
        )
    sizes = np.bincount(labels.y[~labels.missing], minlength=classes)
    notes = _unlabelled(labels)
    single = [labels.names[i] for i in np.flatnonzero(sizes < 2)]
    if single:
        plural = "classes have" if len(single) > 1 else "class has"
        notes.append(f"{len(single):,} {plural} one row only: {listed(single)}.")
    return notes


def _refuse_without_labels(labels: Labels, column: pd.Series) -> None:
    if labels.missing.all():
        raise InputError(
            f"The label {quoted(column.name)} has no value in any row: choose another label."
        )


def _unlabelled(labels: Labels) -> list[str]:
    without = int(labels.missing.sum())
    if not without:
        return []
    return [f"{count(without, 'row')} without a label: not valued, marked unused."]
