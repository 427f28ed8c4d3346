"""Damage: exactly as much as said, where the mask says, and never in place."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.data import (
    Column,
    CorruptionSettings,
    Schema,
    add_feature_noise,
    confusable_classes,
    corrupt_labels,
    corrupt_samples,
    corrupt_table,
)
from dvgs_core.errors import InputError
from dvgs_core.samples import Samples


@given(
    y=st.lists(st.integers(0, 4), min_size=2, max_size=60).filter(lambda y: len(set(y)) > 1),
    rate=st.floats(0, 1),
    seed=st.integers(0, 99),
    dtype=st.sampled_from(["int64", "int8", "float64", "str", "object"]),
)
def test_exactly_the_share_gets_another_class(y, rate, seed, dtype):
    y = np.array(y).astype(dtype)
    before = y.copy()
    new, mask = corrupt_labels(y, rate, seed)
    np.testing.assert_array_equal(y, before)
    assert mask.sum() == round(rate * len(y)) and new.dtype == y.dtype
    np.testing.assert_array_equal(new != y, mask)
    assert set(new.tolist()) <= set(y.tolist())
    again, _ = corrupt_labels(y, rate, seed)
    np.testing.assert_array_equal(new, again)


def test_other_classes_are_equally_likely():
    new, mask = corrupt_labels(np.zeros(30_000, int), 1.0, classes=[0, 1, 2, 3])
    assert mask.all() and np.abs(np.bincount(new)[1:] / 30_000 - 1 / 3).max() < 0.01


def test_missing_labels_are_not_touched():
    for y in (
        np.array([-1, 0, 1, 2] * 5),
        np.array([np.nan, 0, 1, 2] * 5),
        np.array([None, "a", "b", "c"] * 5, dtype=object),
    ):
        new, mask = corrupt_labels(y, 1.0)
        assert mask.tolist() == [False, True, True, True] * 5
        np.testing.assert_array_equal(new[~mask].astype(str), y[~mask].astype(str))
    new, mask = corrupt_labels(np.array([-1, 1] * 5), 1.0)
    assert new.tolist() == [1, -1] * 5, "minus one opposite one other class is a class"
    new, mask = corrupt_labels(np.array([-1, 1] * 5), 1.0, classes=[0, 1])
    assert new.tolist() == [-1, 0] * 5, "what classes there are is told"


@pytest.mark.parametrize(
    "settings",
    [
        dict(label_rate=0.5),
        dict(label_rate=0.5, label_class="x", label_rate_elsewhere=0.5),
        dict(label_rate=0.5, label_group_column="site", label_group="rome"),
        dict(label_rate=0.5, label_kind="confusable"),
    ],
)
@pytest.mark.parametrize("part", [None, "s"])
def test_a_part_of_the_rows_may_have_one_class_and_missing_labels(settings, part):
    frame = pd.DataFrame(
        dict(
            a=np.random.default_rng(0).normal(size=90),
            label=["x"] * 40 + ["z"] * 40 + [None] * 10,
            site=["rome"] * 40 + ["oslo"] * 40 + ["rome"] * 10,
            part=["s"] * 40 + ["t"] * 40 + ["s"] * 10,
        )
    )
    columns = [Column(name="a"), Column(name="label", role="label", kind="category")]
    schema = Schema(columns=columns, task="classification")
    rows = None if part is None else (frame["part"] == part).to_numpy()
    damaged, truth = corrupt_table(frame, schema, CorruptionSettings(**settings), 0, rows=rows)
    assert damaged["label"].isna().tolist() == frame["label"].isna().tolist()
    assert not truth["corrupted"][80:].any()
    struck = 40 if part or "label_group" in settings else 80
    assert truth["corrupted"].sum() == struck / 2


def test_longer_names_fit():
    new, _ = corrupt_labels(np.array(["a", "b"]), 1.0, classes=["longer"])
    assert new.tolist() == ["longer", "longer"]


def test_what_cannot_be_corrupted_is_refused():
    for y, rate in (([1, 1], 0.5), ([0, 1], 1.5), ([0, 1], -1), ([[0], [1]], 0.5)):
        with pytest.raises(InputError):
            corrupt_labels(np.array(y), rate)
    with pytest.raises(InputError):
        add_feature_noise(np.zeros((2, 2)), -1)


def test_noise_has_the_spread_that_is_told():
    X = np.full((200, 5000), 7.0, dtype="float32")
    new, rate = add_feature_noise(X, maximum=5, seed=1)
    assert new.dtype == np.float32 and rate.shape == (200,) and (X == 7).all()
    assert rate.min() >= 0 and rate.max() <= 5 and abs(rate.mean() - 2.5) < 0.3
    np.testing.assert_allclose((new - 7).std(axis=1), rate, rtol=0.05)
    np.testing.assert_array_equal(add_feature_noise(X, 5, 1)[0], new)
    assert add_feature_noise(np.zeros((3, 2), int))[0].dtype == np.float64


N = 300
FRAME = pd.DataFrame(
    {
        "real": np.random.default_rng(0).normal(0, 50, N).astype("float32"),
        "whole": pd.array([None if i % 10 == 0 else i for i in range(N)], dtype="Int64"),
        "constant": 1.0,
        "word": ["a", "b", "c"] * 100,
        "key": range(N),
        "label": pd.array(["x", "y", None] * 100, dtype="str"),
    }
)
SCHEMA = Schema(
    columns=[
        Column(name="real"),
        Column(name="whole"),
        Column(name="constant"),
        Column(name="word", kind="category"),
        Column(name="key", role="id"),
        Column(name="label", role="label", kind="category"),
    ],
    task="classification",
)


BOTH = CorruptionSettings(label_rate=0.2, feature_noise=3)


def test_a_table_is_damaged_only_where_the_truth_says():
    before = FRAME.copy(deep=True)
    new, truth = corrupt_table(FRAME, SCHEMA, BOTH, seed=4, rows=np.arange(100, 300))
    pd.testing.assert_frame_equal(FRAME, before)
    assert list(truth) == [
        *("row", "corrupted", "kind", "original_label", "noise_rate", "duplicate_of")
    ]
    changed = (new["label"] != FRAME["label"]) & FRAME["label"].notna()
    assert changed.tolist() == truth["corrupted"].tolist()
    labelled = FRAME["label"].iloc[100:].notna().sum()
    assert truth["corrupted"].sum() == round(0.2 * labelled)
    assert not truth["corrupted"][:100].any() and (truth["noise_rate"][:100] == 0).all()
    assert set(truth["kind"][:100]) == {""}
    assert set(truth["kind"][100:]) == {"noise", "label + noise"}
    pd.testing.assert_frame_equal(
        new[["constant", "word", "key"]], FRAME[["constant", "word", "key"]]
    )
    assert new["real"].dtype == "float32" and new["label"].dtype == FRAME["label"].dtype
    assert new["whole"].isna().tolist() == FRAME["whole"].isna().tolist()
    assert (new["real"][:100] == FRAME["real"][:100]).all()
    moved = (new["real"] - FRAME["real"])[100:] / FRAME["real"].std() / truth["noise_rate"][100:]
    assert abs(moved.std() - 1) < 0.2
    again, _ = corrupt_table(FRAME, SCHEMA, BOTH, seed=4, rows=np.arange(N) >= 100)
    pd.testing.assert_frame_equal(new, again)


def test_nothing_asked_is_nothing_done():
    new, truth = corrupt_table(FRAME, SCHEMA, CorruptionSettings())
    pd.testing.assert_frame_equal(new, FRAME)
    assert not truth["corrupted"].any() and truth["duplicate_of"].isna().all()
    with pytest.raises(InputError, match="classification"):
        corrupt_table(FRAME, SCHEMA.with_label(None), BOTH)
    with pytest.raises(InputError, match=r"0 \.\. 299"):
        corrupt_table(FRAME, SCHEMA, BOTH, rows=[300])


WIDE = pd.DataFrame(
    {
        **{f"f{i}": np.random.default_rng(i).normal(i * 100, 1, N) for i in range(4)},
        "i0": np.arange(N) % 7,
        "i1": 1000 + np.arange(N) % 5,
        "flag": np.arange(N) % 2 == 0,
        "word": ["a", "b", "c"] * 100,
        "other word": ["d", "e", "f", "g"] * 75,
        "site": ["north", "south"] * 150,
        "label": pd.array(["x", "y", "z"] * 100, dtype="str"),
    }
)
NUMBERS = ["f0", "f1", "f2", "f3", "i0", "i1"]
FEATURES = [*NUMBERS, "flag", "word", "other word"]
WIDE_SCHEMA = Schema(
    columns=[
        *(Column(name=name) for name in NUMBERS),
        Column(name="flag", kind="boolean"),
        *(Column(name=name, kind="category") for name in ("word", "other word")),
        Column(name="site", role="ignore", kind="category"),
        Column(name="label", role="label", kind="category"),
    ],
    task="classification",
)
RATES = {
    "missing_rate": "missing values",
    "swap_rate": "swapped columns",
    "outlier_rate": "outliers",
    "duplicate_rate": "near-duplicate",
}


@pytest.mark.parametrize("rate", RATES)
def test_features_are_damaged_in_the_share_of_rows_that_is_told(rate):
    able = np.arange(N) >= 100
    before = WIDE.copy(deep=True)
    settings = CorruptionSettings(**{rate: 0.25})
    new, truth = corrupt_table(WIDE, WIDE_SCHEMA, settings, 3, rows=able)
    pd.testing.assert_frame_equal(WIDE, before)
    assert list(new) == list(WIDE) and len(new) == N
    same = (new[FEATURES] == WIDE[FEATURES]).fillna(False).all(axis=1).to_numpy(dtype=bool)
    assert (~same).tolist() == truth["corrupted"].tolist()
    assert truth["corrupted"].sum() == 50 and not truth["corrupted"][~able].any()
    assert set(truth["kind"][truth["corrupted"]]) == {RATES[rate]}
    pd.testing.assert_frame_equal(new[["site", "label"]], WIDE[["site", "label"]])
    again, _ = corrupt_table(WIDE, WIDE_SCHEMA, settings, 3, rows=able)
    pd.testing.assert_frame_equal(new, again)
    other, _ = corrupt_table(WIDE, WIDE_SCHEMA, settings, 4, rows=able)
    assert not new.equals(other)


SPARSE = pd.DataFrame(
    {
        name: column.astype("Int64" if name.startswith("i") else column.dtype).where(
            np.random.default_rng(i).random(N) < 0.3
        )
        for i, (name, column) in enumerate(WIDE[FEATURES].astype({"flag": "boolean"}).items())
    }
    | {"label": WIDE["label"], "site": WIDE["site"]}
)
#: Pairs that are often equal, where swapping changes nothing; flags so rare that ten standard
#: deviations are less than one; and what is the same everywhere.
ALIKE = pd.DataFrame(
    {
        "f0": np.arange(N) % 2 * 1.0,
        "f1": np.arange(N) % 3 % 2 * 1.0,
        "i0": np.where(np.arange(N) == 5, 1, 0),
        "f2": 7.0,
        "label": WIDE["label"],
    }
)
ALIKE_SCHEMA = Schema(
    columns=[
        *(Column(name=name) for name in ("f0", "f1", "i0", "f2")),
        Column(name="label", role="label", kind="category"),
    ],
    task="classification",
)


@pytest.mark.parametrize("what", ["missing_rate", "swap_rate", "outlier_rate", "feature_noise"])
@pytest.mark.parametrize(
    ("frame", "schema"), [(SPARSE, WIDE_SCHEMA), (ALIKE, ALIKE_SCHEMA)], ids=["sparse", "alike"]
)
def test_every_row_that_is_called_damaged_is_another_row_than_before(frame, schema, what):
    new, truth = corrupt_table(frame, schema, CorruptionSettings(**{what: 0.6}), 1)
    assert (truth["kind"] != "").sum() > 100
    old, new = (part.astype(object).where(part.notna(), "nothing") for part in (frame, new))
    same = (old == new).all(axis=1)
    assert (truth["kind"] == "").tolist() == same.tolist()
    assert (truth["noise_rate"] > 0).tolist() == truth["kind"].str.contains("noise").tolist()


@pytest.mark.parametrize("rate", RATES)
def test_encoded_rows_that_are_called_damaged_are_others_too(rate):
    X = np.stack([np.arange(N) % 10 == 0, np.arange(N) % 7 == 0, np.zeros(N)], axis=1)
    rows = Samples(X, np.arange(N) % 2)
    new, truth = corrupt_samples(rows, CorruptionSettings(**{rate: 0.5}), 1)
    assert truth["corrupted"].any()
    assert (new.X != rows.X).any(axis=1).tolist() == truth["corrupted"].tolist()


def test_one_kind_of_damage_does_not_move_another():
    alone = corrupt_table(WIDE, WIDE_SCHEMA, CorruptionSettings(outlier_rate=0.2), 5)[1]
    mixed = corrupt_table(
        WIDE, WIDE_SCHEMA, CorruptionSettings(outlier_rate=0.2, missing_rate=0.3, label_rate=0.1), 5
    )[1]
    struck = mixed["kind"].str.contains("outliers")
    assert struck.tolist() == alone["corrupted"].tolist()


def test_emptied_cells_are_missing_and_whole_numbers_stay_whole():
    settings = CorruptionSettings(missing_rate=1, missing_cells=0.4)
    new, _ = corrupt_table(WIDE, WIDE_SCHEMA, settings)
    gaps = new[FEATURES].isna()
    assert (gaps.sum(axis=1) == round(0.4 * len(FEATURES))).all()
    assert new["i0"].dtype == "Int64" and new["flag"].dtype == "boolean"
    kept = ~gaps
    for name in FEATURES:
        assert kept[name].any() and (new[name] == WIDE[name])[kept[name]].all()


def test_swapped_cells_stay_among_columns_of_one_kind_and_no_cell_is_lost():
    settings = CorruptionSettings(swap_rate=0.5, swap_columns=1)
    new, truth = corrupt_table(WIDE, WIDE_SCHEMA, settings)
    assert (new.dtypes == WIDE.dtypes).all()
    for alike in (["f0", "f1", "f2", "f3"], ["i0", "i1"], ["word", "other word"]):
        hit = truth["corrupted"]
        was, now = WIDE.loc[hit, alike].to_numpy(), new.loc[hit, alike].to_numpy()
        assert (np.sort(was, axis=1) == np.sort(now, axis=1)).all()
        assert (was != now).all(), "every column of the circle got another one's cell"
    assert (new["flag"] == WIDE["flag"]).all(), "it has no partner"


def test_outliers_lie_where_they_are_told():
    settings = CorruptionSettings(outlier_rate=0.5, outlier_size=20, outlier_cells=0.34)
    new, truth = corrupt_table(WIDE, WIDE_SCHEMA, settings)
    assert (new.dtypes == WIDE.dtypes).all()
    moved = (new[NUMBERS] - WIDE[NUMBERS]) / WIDE[NUMBERS].std(ddof=0)
    assert ((moved != 0).sum(axis=1) == np.where(truth["corrupted"], 2, 0)).all()
    sizes = moved.abs().to_numpy()[(moved != 0).to_numpy()]
    np.testing.assert_allclose(sizes, 20, atol=0.5)  # whole numbers are rounded
    assert 0.3 < (moved > 0).to_numpy().sum() / (moved != 0).to_numpy().sum() < 0.7


def test_a_near_duplicate_is_another_sound_row_of_its_class():
    settings = CorruptionSettings(duplicate_rate=0.4, duplicate_jitter=0.01)
    new, truth = corrupt_table(WIDE, WIDE_SCHEMA, settings, rows=np.arange(N) < 200)
    copies = truth[truth["corrupted"]]
    originals = copies["duplicate_of"].to_numpy(dtype=int)
    assert len(copies) == 80 and (originals < 200).all()
    assert not truth["corrupted"][originals].any(), "copies are not copied"
    assert (WIDE["label"].to_numpy()[copies["row"]] == WIDE["label"].to_numpy()[originals]).all()
    here, there = new.iloc[copies["row"]], WIDE.iloc[originals]
    assert (here[["word", "flag"]].to_numpy() == there[["word", "flag"]].to_numpy()).all()
    apart = (here[NUMBERS].to_numpy() - there[NUMBERS].to_numpy()) / WIDE[NUMBERS].std().to_numpy()
    assert np.abs(apart).max() < 0.5 and 0.005 < apart[:, :4].std() < 0.02


def test_one_class_or_one_group_only_and_more_than_the_rest():
    only = CorruptionSettings(label_rate=0.5, label_class="x")
    _, truth = corrupt_table(WIDE, WIDE_SCHEMA, only)
    assert truth["original_label"][truth["corrupted"]].tolist() == ["x"] * 50
    more = CorruptionSettings(
        label_rate=0.6, label_group_column="site", label_group="north", label_rate_elsewhere=0.1
    )
    _, truth = corrupt_table(WIDE, WIDE_SCHEMA, more)
    assert truth["corrupted"].groupby(WIDE["site"]).sum().to_dict() == {"north": 90, "south": 15}
    for wrong, words in (
        ({"label_class": "w"}, "no class 'w'"),
        ({"label_group": "north"}, "label_group_column"),
        ({"label_group": "west", "label_group_column": "site"}, "no 'west'.*'north', 'south'"),
        ({"label_group": "west", "label_group_column": "town"}, "no column 'town'"),
        ({"label_rate_elsewhere": 0.2}, "label_class or label_group"),
    ):
        with pytest.raises(InputError, match=words):
            corrupt_table(WIDE, WIDE_SCHEMA, CorruptionSettings(label_rate=0.2, **wrong))


def test_the_class_that_is_mistaken_is_the_nearest_in_units_of_the_spread_within():
    codes = np.repeat([0, 1, 2, 3], 50)
    rng = np.random.default_rng(0)
    # by the first feature alone 0 is near 2, but it says little: it varies within the classes
    X = rng.normal(size=(200, 2)) * [50, 0.1]
    X += np.array([[0, 0], [20, 1], [0, 9], [20, 8]])[codes]
    assert confusable_classes(X, codes) == {0: 1, 1: 0, 2: 3, 3: 2}
    assert confusable_classes(X, np.where(codes == 3, -1, codes)) == {0: 1, 1: 0, 2: 1}
    assert confusable_classes(X, np.zeros(200, int)) == {}


def test_confusable_labels_strike_the_same_rows_as_uniform_ones_and_follow_the_partner():
    y = np.array(["a", "b", "c"] * 40)
    partner = {"a": "b", "b": "a", "c": "a"}
    uniform, mask = corrupt_labels(y, 0.3, 1)
    new, same = corrupt_labels(y, 0.3, 1, partner=partner)
    assert (mask == same).all() and (new != uniform).any()
    assert new[mask].tolist() == [partner[c] for c in y[mask]]
    with pytest.raises(InputError, match="'c' has no other class"):
        corrupt_labels(y, 1.0, 1, partner={"a": "b", "b": "a"})


def test_confusable_labels_of_a_table_are_learnt_from_its_features():
    rng = np.random.default_rng(0)
    at = {"cat": 0, "dog": 1, "car": 20, "truck": 21}
    label = np.array(list(at) * 50)
    frame = pd.DataFrame({"a": [at[c] + rng.normal(0, 0.2) for c in label], "label": label})
    schema = Schema(
        columns=[Column(name="a"), Column(name="label", role="label", kind="category")],
        task="classification",
    )
    settings = CorruptionSettings(label_rate=0.5, label_kind="confusable")
    new, truth = corrupt_table(frame, schema, settings)
    pairs = set(zip(truth["original_label"], new["label"], strict=True))
    wrong = {pair for pair in pairs if pair[0] != pair[1]}
    assert wrong == {("cat", "dog"), ("dog", "cat"), ("car", "truck"), ("truck", "car")}


ROWS = Samples(
    np.random.default_rng(0).normal(size=(200, 5)) * [1, 2, 3, 4, 5],
    np.arange(200) % 4,
    np.arange(200) + 1000,
    {"site": np.array(["n", "s"] * 100, dtype=object)},
)


@pytest.mark.parametrize("rate", ["label_rate", *RATES])
def test_encoded_rows_are_damaged_alike(rate):
    X, y = ROWS.X.copy(), ROWS.y.copy()
    able = np.arange(200) < 80
    new, truth = corrupt_samples(ROWS, CorruptionSettings(**{rate: 0.5}), 2, rows=able)
    assert (ROWS.X == X).all() and (ROWS.y == y).all()
    assert (new.ids == ROWS.ids).all() and (truth["row"] == ROWS.ids).all()
    changed = (new.X != X).any(axis=1) | (new.y != y)
    assert changed.tolist() == truth["corrupted"].tolist()
    assert changed.sum() == 40 and not changed[80:].any()
    again, _ = corrupt_samples(ROWS, CorruptionSettings(**{rate: 0.5}), 2, rows=able)
    assert (again.X == new.X).all() and (again.y == new.y).all()


def test_encoded_rows_without_classes():
    numbers = Samples(ROWS.X, np.linspace(0, 1, 200))
    new, truth = corrupt_samples(numbers, CorruptionSettings(duplicate_rate=0.2))
    copies = truth.dropna(subset="duplicate_of")
    assert (new.y[copies["row"]] == numbers.y[copies["duplicate_of"].to_numpy(dtype=int)]).all()
    noisy, truth = corrupt_samples(Samples(ROWS.X), CorruptionSettings(feature_noise=2))
    spread = ((noisy.X - ROWS.X) / ROWS.X.std(axis=0)).std(axis=1)
    assert np.corrcoef(spread, truth["noise_rate"])[0, 1] > 0.8
    with pytest.raises(InputError, match="classification"):
        corrupt_samples(numbers, CorruptionSettings(label_rate=0.2))


def test_damage_without_anything_to_fall_on_is_refused():
    words = Schema(
        columns=[Column(name="word", kind="category"), Column(name="label", role="label")],
        task="classification",
    )
    nothing = words.with_role("word", "ignore")
    same = WIDE.assign(f0=1.0, f1=1.0)
    alike = Schema(
        columns=[Column(name="f0"), Column(name="f1"), Column(name="label", role="label")],
        task="classification",
    )
    for frame, schema, rate, said in (
        (WIDE, words, "outlier_rate", "No numeric feature varies"),
        (WIDE, words, "swap_rate", "one kind"),
        (WIDE, words, "feature_noise", "No numeric feature varies"),
        (WIDE.assign(word=None), words, "missing_rate", "No feature has a cell"),
        (WIDE, nothing, "duplicate_rate", "No column is a feature"),
        (same, alike, "swap_rate", "the same in every row"),
        (same, alike, "outlier_rate", "No numeric feature varies"),
        (same, alike, "feature_noise", "No numeric feature varies"),
    ):
        with pytest.raises(InputError, match=said):
            corrupt_table(frame, schema, CorruptionSettings(**{rate: 0.5}))
    with pytest.raises(InputError, match="Only 297 of 300 rows"):
        corrupt_table(WIDE, WIDE_SCHEMA, CorruptionSettings(duplicate_rate=1))
