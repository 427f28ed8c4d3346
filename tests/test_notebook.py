"""`value_frame`: one call from a notebook, aligned with the frame it was given."""

from datetime import date, time
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from dvgs_core import DVGS, InputError, Samples, value_frame
from dvgs_core.data import Encoder, SplitSettings, draw_splits, infer_schema, load, read_labels

SMALL = dict(restarts=1, epochs=3, width=8, device="cpu")
COLUMNS = [
    *("row", "role", "value", "standard_error", "rank", "label", "suggested_label", "margin")
]


@pytest.fixture
def frame():
    """80 rows under names that are no numbers and out of order."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 80))
    return pd.DataFrame(
        {
            "a": a,
            "b": b,
            "site": rng.choice(["n", "s"], 80),
            "y": np.where(a > 0, "yes", "no"),
        },
        index=[f"person {i}" for i in rng.permutation(80)],
    )


def without_index(values):
    return values.reset_index(drop=True)


def target_places(values):
    return np.flatnonzero(values["role"] == "target").tolist()


def test_the_columns_are_those_of_the_file_and_the_index_is_the_frames(frame):
    before = frame.copy()
    values = value_frame(frame, label="y", **SMALL)
    assert list(values.columns) == COLUMNS
    pd.testing.assert_index_equal(values.index, frame.index)
    assert values["row"].tolist() == list(range(80))
    assert values["label"].tolist() == frame["y"].tolist()
    assert values["role"].value_counts().to_dict() == {"source": 56, "target": 24}
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(["same"] * 80),
        pd.MultiIndex.from_product([["x", "y"], range(40)], names=["half", "number"]),
        pd.date_range("2024-01-01", periods=80, name="day"),
        pd.Index([np.nan, *range(79)]),
        pd.RangeIndex(80, 0, -1),
    ],
    ids=["duplicates", "several levels", "dates", "a gap", "backwards"],
)
def test_any_index_is_kept_and_never_used(frame, index):
    plain = value_frame(frame.reset_index(drop=True), label="y", **SMALL)
    values = value_frame(frame.set_axis(index), label="y", **SMALL)
    pd.testing.assert_index_equal(values.index, index)
    pd.testing.assert_frame_equal(without_index(values), plain)


def test_values_are_those_of_the_parts_put_together_by_hand(frame, tmp_path):
    frame.to_csv(tmp_path / "table.csv", index=False)
    table = load(tmp_path / "table.csv")
    schema = infer_schema(table, "y")
    labels = read_labels(table.frame, schema)
    settings = SplitSettings(target_size=0.25, seed=4)
    (split,) = draw_splits(table.frame, labels, schema, settings)
    X = Encoder.fit(table.frame, schema, seed=4).transform(table.frame)
    source, target = (
        Samples(X[rows], labels.y[rows], rows) for rows in (split.source, split.target)
    )
    expected = DVGS(seed=4, **SMALL).value(source, target)
    values = value_frame(frame, label="y", target=0.25, seed=4, **SMALL)
    np.testing.assert_allclose(values["value"].dropna(), expected.values, atol=1e-12)
    np.testing.assert_allclose(
        values["standard_error"].dropna(), expected.standard_error, atol=1e-12
    )
    assert values["rank"].dropna().tolist() == expected.rank.tolist()


def test_a_target_is_a_share_or_a_number_of_rows(frame):
    for target, rows in ((0.5, 40), (13, 13), (np.int64(13), 13), (np.float32(0.25), 20)):
        assert len(target_places(value_frame(frame, label="y", target=target, **SMALL))) == rows


def test_a_mask_a_condition_and_rows_of_the_frame_itself_are_one_target(frame):
    wanted = frame["site"] == "n"
    by_query = value_frame(frame, label="y", target="site == 'n'", **SMALL)
    assert target_places(by_query) == np.flatnonzero(wanted).tolist()
    masks = [wanted, wanted.to_numpy(), wanted.tolist(), wanted.astype("boolean")]
    for mask in masks:
        pd.testing.assert_frame_equal(value_frame(frame, label="y", target=mask, **SMALL), by_query)


def test_another_frame_is_the_target_and_all_rows_are_valued(frame):
    trusted = frame.iloc[:30][["y", "b", "a", "site"]].reset_index(names="who")
    values = value_frame(frame, label="y", target=trusted, **SMALL)
    assert set(values["role"]) == {"source"} and values["value"].notna().all()
    pd.testing.assert_index_equal(values.index, frame.index)


def test_rotations_value_every_row(frame):
    values = value_frame(frame, label="y", target=0.5, rotations=2, **SMALL)
    assert set(values["role"]) == {"both"} and values["value"].notna().all()


def test_rows_without_a_label_are_unused(frame):
    frame.iloc[[3, 9], frame.columns.get_loc("y")] = None
    values = value_frame(frame, label="y", **SMALL)
    assert values["role"].iloc[[3, 9]].tolist() == ["unused", "unused"]
    assert values[["value", "rank", "label", "suggested_label"]].iloc[[3, 9]].isna().all(axis=None)


def test_tasks_follow_from_the_label(frame):
    unlabelled = value_frame(frame.drop(columns="y"), **SMALL)
    assert unlabelled["value"].notna().sum() == 56 and unlabelled["label"].isna().all()
    quantity = value_frame(frame.assign(y=frame["a"] * 2), label="y", **SMALL)
    assert quantity["label"].astype(float).tolist() == (frame["a"] * 2).tolist()
    assert quantity["suggested_label"].isna().all()


def test_a_label_that_is_not_named_is_neither_label_nor_feature(frame):
    values = value_frame(frame, **SMALL)
    without = value_frame(frame.drop(columns="y"), **SMALL)
    pd.testing.assert_frame_equal(values, without)


def test_names_of_columns_may_be_numbers_and_cells_categories(frame):
    numbered = frame.set_axis([0, 1, 2, 3], axis=1)
    plain = frame.set_axis(["0", "1", "2", "3"], axis=1)
    values = value_frame(numbered, label=3, **SMALL)
    pd.testing.assert_frame_equal(values, value_frame(plain, label="3", **SMALL))
    typed = frame.astype({"site": "category", "y": "category"})
    pd.testing.assert_frame_equal(
        value_frame(typed, label="y", **SMALL), value_frame(frame, label="y", **SMALL)
    )


@pytest.mark.parametrize(
    ("objects", "typed"),
    [
        ([True, False, None, True], pd.array([True, False, None, True], dtype="boolean")),
        ([1, 2, None, 7], pd.array([1, 2, None, 7], dtype="Int64")),
        ([1, 2.5, None, 7], [1.0, 2.5, None, 7.0]),
        ([Decimal("1.5"), None, Decimal("2"), Decimal("4")], [1.5, None, 2.0, 4.0]),
        (["u", 2.5, None, 7], ["u", "2.5", None, "7"]),
        ([date(2020, m, 1) for m in (1, 2, 3, 4)], [f"2020-0{m}-01" for m in (1, 2, 3, 4)]),
        (
            pd.period_range("2020-01", periods=4, freq="M"),
            pd.date_range("2020-01-01", periods=4, freq="MS"),
        ),
    ],
    ids=["truth", "integers", "numbers", "decimals", "mixed", "dates", "periods"],
)
def test_a_column_of_objects_is_read_as_what_it_holds(frame, objects, typed):
    kind = "period[M]" if isinstance(objects, pd.PeriodIndex) else object
    as_objects = frame.assign(cell=pd.Series(list(objects) * 20, frame.index, dtype=kind))
    as_typed = frame.assign(cell=pd.concat([pd.Series(typed)] * 20).set_axis(frame.index))
    pd.testing.assert_frame_equal(
        value_frame(as_objects, label="y", **SMALL), value_frame(as_typed, label="y", **SMALL)
    )


def test_columns_that_are_no_single_values_are_left_out_and_told(frame):
    odd = frame.assign(
        lists=[[1], [2, 3]] * 40, some=[1, [2]] * 40, empty=None, mixed=[1, "u"] * 40
    )
    values = value_frame(odd, label="y", **SMALL)
    expected = value_frame(frame.assign(mixed=["1", "u"] * 40), label="y", **SMALL)
    pd.testing.assert_frame_equal(values, expected)
    assert values.attrs["notes"] == [
        "'mixed': mixed types, 40 numbers among 80 cells; kept as text.",
        "Ignored 1 column without information (empty, or the same in every row): 'empty'.",
    ]


def test_times_of_day_are_categories(frame):
    times = [time(hour) for hour in (6, 12, 18, 22)] * 20
    values = value_frame(frame.assign(at=times), label="y", **SMALL)
    words = value_frame(frame.assign(at=[str(t) for t in times]), label="y", **SMALL)
    pd.testing.assert_frame_equal(values, words)


def test_the_seed_decides_and_nothing_else(frame):
    state = np.random.get_state()  # noqa: NPY002  (the global generator must stay as it is)
    one, two = (value_frame(frame, label="y", seed=5, **SMALL) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    other = value_frame(frame, label="y", seed=6, **SMALL)
    assert target_places(one) != target_places(other)
    assert (np.random.get_state()[1] == state[1]).all()  # noqa: NPY002


def test_another_method_takes_its_place(frame):
    values = value_frame(frame, label="y", method="random", seed=1)
    assert values["value"].dropna().tolist() == np.random.default_rng(1).random(56).tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(label=""), "no column ''"),
        (dict(label="yy"), r"no column 'yy' .* Did you mean 'y'"),
        (dict(label="y", target=0), "target_size: .*greater than 0"),
        (dict(label="y", target=81), "A target of 81 rows was asked for, but 80 rows"),
        (dict(label="y", target=1.0), "The source is empty"),
        (dict(label="y", target=""), "condition is empty"),
        (dict(label="y", target="a > 99"), "The target is empty: 'a > 99' matches none"),
        (dict(label="y", target="age > 9"), "'age'"),
        (dict(label="y", target=[True] * 79), r"each of the 80 rows; a list of shape \(79,\)"),
        (dict(label="y", target=[1, 0] * 40), "True or False"),
        (dict(label="y", target=[False] * 80), "the mask is False for every row"),
        (dict(label="y", target=[True] * 80), "The source is empty"),
        (dict(label="y", target=[True, None] * 40), "True or False"),
        (dict(label="y", target=None), "a NoneType of shape"),
        (dict(label="y", target=True), "a bool of shape"),
        (dict(label="y", target=pd.Series([True, False] * 40)), "another index"),
        (dict(label="y", target=pd.DataFrame({"a": [1.0, 2.0]})), "target frame lacks 'b', 'site'"),
        (dict(label="y", target=[True, False] * 40, rotations=2), "set rotations to 1"),
        (dict(label="y", method="shap"), "no method 'shap'; known: dvgs, random"),
        (dict(label="y", restart=5), "no setting 'restart'. Known settings: restarts"),
        (dict(label="y", encoding="ranks"), "numeric: .*'quantile'"),
        (dict(label="y", device="tpu"), "no device 'tpu'"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(frame, options, message):
    with pytest.raises(InputError, match=message) as caught:
        value_frame(frame, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: f["a"], "takes a pandas DataFrame; a Series came"),
        (lambda f: f.to_numpy(), "a ndarray came"),
        (lambda f: f.iloc[:0], "no rows"),
        (lambda f: f.iloc[:1], "only 1 row"),
        (lambda f: f.set_axis(["a", "a", "site", "y"], axis=1), "has 'a' more than once"),
        (lambda f: f.assign(y="same"), "one class"),
        (lambda f: f.assign(b=[np.inf, 1.0] * 40), "'b' has 40 infinite values"),
        (lambda f: f.assign(b=1j * f["a"]), "complex numbers in 'b'"),
        (lambda f: f.assign(y=[[1], [2]] * 40), "'y' holds lists or records"),
        (lambda f: f[["y"]], "No column is a feature"),
    ],
)
def test_frames_that_cannot_be_valued_are_refused(frame, make, message):
    with pytest.raises(InputError, match=message):
        value_frame(make(frame), label="y", **SMALL)
