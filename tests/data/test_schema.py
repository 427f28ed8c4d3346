"""Roles, kinds and task from names and values."""

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data import (
    Column,
    FileFormat,
    Schema,
    Table,
    check_schema,
    class_texts,
    infer_schema,
    read_labels,
)
from dvgs_core.errors import InputError

N = 120
RNG = np.random.default_rng(0)


def table(columns, embedding=(), image_shape=None):
    frame = pd.DataFrame(columns)
    return Table(frame, "t", "0" * 64, FileFormat(kind="csv"), (), tuple(embedding), image_shape)


def role_and_kind(name, values):
    schema = infer_schema(table({name: values, "x": RNG.normal(size=len(values))}))
    column = schema.column(name)
    return column.role, column.kind


WORDS = ["red", "green", "blue"]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("height", RNG.normal(size=N), ("feature", "numeric")),
        ("colour", RNG.choice(WORDS, N), ("feature", "category")),
        ("flag", RNG.random(N) > 0.5, ("feature", "boolean")),
        ("when", pd.date_range("2024-01-01", periods=N), ("feature", "date")),
        ("when", [f"2024-01-{1 + i % 28:02d}" for i in range(N)], ("feature", "date")),
        ("review", [f"this is review number {i} of many" for i in range(N)], ("feature", "text")),
        ("name", [f"person-{i}" for i in range(N)], ("id", "category")),
        ("number", np.arange(N), ("id", "numeric")),
        ("number", np.arange(1, N + 1), ("id", "numeric")),
        ("patientId", RNG.permutation(10_000)[:N], ("id", "numeric")),
        ("uuid", [f"{i:x}" for i in range(N)], ("id", "category")),
        ("patient_id", RNG.integers(0, 20, N), ("group", "numeric")),
        ("split", RNG.choice(["train", "test"], N), ("ignore", "category")),
        ("Fold", RNG.integers(0, 5, N), ("ignore", "numeric")),
        ("constant", np.ones(N), ("ignore", "numeric")),
        ("nothing", [None] * N, ("ignore", "category")),
        ("photo", [f"img/{i}.JPG" for i in range(N)], ("image", "category")),
        ("photo", [b"\xff\xd8\xff\xe0" + bytes([i]) for i in range(N)], ("image", "category")),
        ("raw", [b"abc" + bytes([i]) for i in range(N)], ("ignore", "category")),
        ("lists", [[1, 2]] * N, ("ignore", "category")),
        ("x" * 120, RNG.choice(WORDS, N), ("feature", "category")),
        ("عمود", RNG.normal(size=N), ("feature", "numeric")),
        ("<b>", RNG.normal(size=N), ("feature", "numeric")),
    ],
)
def test_role_and_kind_of_a_column(name, values, expected):
    assert role_and_kind(name, values) == expected


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (RNG.choice(WORDS, N), "classification"),
        (RNG.random(N) > 0.5, "classification"),
        (RNG.integers(0, 10, N), "classification"),
        (RNG.integers(0, 2, N).astype(float), "classification"),
        (RNG.normal(size=N), "regression"),
        (RNG.permutation(1000)[:N], "regression"),
        (pd.array([0, 1, None] * 40, dtype="Int64"), "classification"),
        (pd.Categorical(RNG.choice(WORDS, N)), "classification"),
    ],
)
def test_the_task_follows_from_the_label(label, expected):
    schema = infer_schema(table({"x": RNG.normal(size=N), "target": label}))
    assert (schema.label, schema.task) == ("target", expected)


def test_without_a_label_the_task_is_reconstruction():
    schema = infer_schema(table({"x": RNG.normal(size=N), "z": RNG.normal(size=N)}))
    assert schema.label is None and schema.task == "reconstruction"
    labels = read_labels(pd.DataFrame({"x": [1, 2]}), schema)
    assert np.isnan(labels.y).all() and not labels.missing.any()


def test_a_label_that_is_named_wins_over_a_usual_name():
    columns = {"x": RNG.normal(size=N), "class": RNG.choice(WORDS, N), "y": RNG.random(N) > 0.5}
    assert infer_schema(table(columns)).label == "class"
    schema = infer_schema(table(columns), "y")
    assert schema.label == "y" and schema.column("class").role == "feature"


def test_columns_that_give_the_label_away_are_ignored():
    code = RNG.integers(0, 3, N)
    columns = {
        "x": RNG.normal(size=N),
        "label": code,
        "label_name": np.array(WORDS)[code],
        "colour": np.array(WORDS)[code],
        "worse_label": RNG.integers(0, 3, N),
    }
    schema = infer_schema(table(columns))
    assert [c.role for c in schema.columns] == ["feature", "label", "ignore", "ignore", "ignore"]
    assert "'label'" in schema.column("colour").note


def test_pixels_are_found_in_the_order_of_the_picture():
    names = [f"pixel_{r}_{c}" for c in range(4) for r in range(4)]
    schema = infer_schema(table({**{n: RNG.integers(0, 9, N) for n in names}, "label": WORDS * 40}))
    assert schema.image_shape == (4, 4)
    assert schema.pixels == tuple(f"pixel_{r}_{c}" for r in range(4) for c in range(4))
    assert len(schema.features) == 16 and schema.label == "label"

    pixels = {f"p{i}": RNG.normal(size=N) for i in range(1, 26)}
    assert infer_schema(table(pixels)).image_shape == (5, 5)
    assert infer_schema(table({f"p{i}": RNG.normal(size=N) for i in range(15)})).pixels == ()
    assert infer_schema(table({f"p{i}": RNG.normal(size=N) for i in range(17)})).pixels == ()


def test_numbered_measurements_are_no_picture():
    assert infer_schema(table({f"V{i}": RNG.normal(size=N) for i in range(16)})).pixels == ()
    grey = {f"V{i}": RNG.integers(0, 256, N) for i in range(16)}
    assert infer_schema(table(grey)).image_shape == (4, 4)


def test_colours_beside_each_other_or_in_planes():
    smooth = np.cumsum(RNG.normal(size=(N, 6, 6, 1)), axis=2) + 100 * np.array([0, 1, 2.0])
    for array, shape in ((smooth, (6, 6, 3)), (smooth.transpose(0, 3, 1, 2), (3, 6, 6))):
        flat = array.reshape(N, -1)
        schema = infer_schema(table({f"px{i}": flat[:, i] for i in range(108)}))
        assert schema.image_shape == shape


def test_embeddings_are_features_and_no_pixels():
    names = [f"x{i}" for i in range(16)]
    data = {name: RNG.integers(0, 200, N) for name in names}
    schema = infer_schema(table(data, embedding=names))
    assert schema.pixels == () and all(c.embedding for c in schema.features)
    schema = infer_schema(table(data, embedding=names, image_shape=(4, 4)))
    assert schema.pixels == tuple(names) and not any(c.embedding for c in schema.features)


def test_roles_can_be_changed():
    schema = infer_schema(table({"x": RNG.normal(size=N), "y": WORDS * 40, "z": WORDS * 40}))
    assert schema.label == "y"
    other = schema.with_label("z")
    assert (other.label, other.column("y").role) == ("z", "ignore")
    assert schema.label == "y", "a schema does not change"
    assert schema.with_label(None).task == "reconstruction"
    assert schema.with_label("x").task == "regression"
    assert schema.with_role("x", "feature", "category").column("x").kind == "category"
    assert schema.with_label("x").with_task("classification").column("x").kind == "category"
    assert Schema(**schema.model_dump(mode="json")) == schema
    with pytest.raises(InputError, match="no column 'w'"):
        schema.with_role("w", "ignore")
    with pytest.raises(InputError, match="needs a label"):
        schema.with_label(None).with_task("regression")


def test_a_picture_without_one_pixel_is_none():
    schema = infer_schema(table({f"p{i}": RNG.normal(size=N) for i in range(16)}))
    assert schema.with_role("p3", "ignore").image_shape is None


def classification(frame, label="y"):
    columns = tuple(Column(name=c, role="label" if c == label else "feature") for c in frame)
    return Schema(columns=columns, task="classification")


@pytest.mark.parametrize(
    ("values", "classes", "y"),
    [
        (["b", "a", None, "b"], ("a", "b"), [1, 0, -1, 1]),
        ([True, False, True, True], (False, True), [1, 0, 1, 1]),
        ([10, 2, 2, 10], (2, 10), [1, 0, 0, 1]),
        ([1.0, np.nan, 0.0, 1.0], (0.0, 1.0), [1, -1, 0, 1]),
        (pd.array([3, None, 3, 1], dtype="Int64"), (1, 3), [1, -1, 1, 0]),
        (pd.array([True, None, False, True], dtype="boolean"), (False, True), [1, -1, 0, 1]),
        (
            pd.Categorical(["lo", "hi", None, "lo"], categories=["lo", "hi"], ordered=True),
            ("lo", "hi"),
            [0, 1, -1, 0],
        ),
    ],
)
def test_labels_are_positions_among_sorted_python_values(values, classes, y):
    frame = pd.DataFrame({"x": [1, 2, 3, 4], "y": values})
    labels = read_labels(frame, classification(frame))
    assert labels.classes == classes and labels.y.tolist() == y and labels.y.dtype == np.int64
    assert [type(c) for c in labels.classes] == [type(c) for c in classes]
    assert labels.missing.tolist() == [code == -1 for code in y]
    again = frame["y"].copy()  # a relabel can be written back in the original dtype
    again.iloc[0] = labels.classes[0]
    assert again.dtype == frame["y"].dtype


def test_class_names_are_for_reading():
    frame = pd.DataFrame({"x": [1, 2], "y": [1.0, 2.5]})
    assert read_labels(frame, classification(frame)).names == ("1", "2.5")


def test_a_class_is_written_as_its_rows_write_it():
    frame = pd.DataFrame({"x": [1, 2, 3, 4], "y": [True, False, True, None]})
    labels = read_labels(frame, classification(frame))
    assert class_texts([" TRUE", "no", " TRUE", ""], labels) == ("no", " TRUE")


def test_labels_of_a_regression():
    frame = pd.DataFrame({"x": [1, 2], "y": pd.array([3, None], dtype="Int64")})
    labels = read_labels(frame, classification(frame).with_task("regression"))
    assert labels.y[0] == 3.0 and np.isnan(labels.y[1]) and labels.classes == ()


def test_what_can_work_is_not_refused_but_said():
    frame = pd.DataFrame({"x": RNG.normal(size=N), "flat": 1, "y": ["a", "b", None, "a"] * 30})
    frame.loc[0, "y"] = "once"
    schema = infer_schema(table(frame))
    notes = check_schema(frame, schema)
    assert any("30 rows without a label" in note for note in notes)
    assert any("one row only: 'once'" in note for note in notes)
    assert any("'flat'" in note for note in notes)
