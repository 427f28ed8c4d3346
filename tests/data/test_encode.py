"""Encodings: closed forms, finite, the same after saving, good for rows that come later."""

import zipfile

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from dvgs_core.data import Column, Encoder, EncodingSettings, Schema
from dvgs_core.errors import InputError

RNG = np.random.default_rng(0)
N = 200
WORDS = ["alpha", "beta", "gamma", "ñandú", "سلام", "delta"]
FRAME = pd.DataFrame(
    {
        "skewed": np.where(RNG.random(N) < 0.9, 0, np.exp(RNG.normal(size=N))),
        "gaps": pd.array([None if i % 7 == 0 else i for i in range(N)], dtype="Int64"),
        "constant": 1,
        "flag": pd.array([None if i % 11 == 0 else i % 2 == 0 for i in range(N)], dtype="boolean"),
        "sure": RNG.random(N) > 0.5,
        "colour": pd.array([["red", "green", None][i % 3] for i in range(N)], dtype="str"),
        "rare": [f"once {i}" if i < 10 else "common" if i % 2 else "other" for i in range(N)],
        "code": pd.array([None if i % 5 == 0 else i % 3 for i in range(N)], dtype="Int64"),
        "when": pd.date_range("2024-01-01 03:00", periods=N, freq="31h").where(RNG.random(N) > 0.1),
        "day": [f"2024-01-{1 + i % 28:02d}" for i in range(N)],
        "text": [" ".join(RNG.choice(WORDS, 7)) if i % 9 else None for i in range(N)],
        "<b>": RNG.normal(size=N),
        "e0": RNG.normal(3, 5, size=N).astype("float32"),
        "e1": RNG.normal(size=N).astype("float32"),
        "p0": RNG.integers(0, 3, N),
        "p1": RNG.integers(0, 200, N),
    }
)
KINDS = {
    "flag": "boolean",
    "sure": "boolean",
    "colour": "category",
    "rare": "category",
    "code": "category",
    "when": "date",
    "day": "date",
    "text": "text",
}
SCHEMA = Schema(
    columns=tuple(
        Column(name=name, kind=KINDS.get(name, "numeric"), embedding=name in ("e0", "e1"))
        for name in FRAME
    ),
    pixels=("p0", "p1"),
    image_shape=(1, 2),
)


def only(*names, **settings):
    columns = tuple(c for c in SCHEMA.columns if c.name in names)
    pixels = SCHEMA.pixels if "p0" in names else ()
    schema = Schema(columns=columns, pixels=pixels)
    encoder = Encoder.fit(FRAME, schema, EncodingSettings(**settings))
    return pd.DataFrame(encoder.transform(FRAME), columns=list(encoder.feature_names))


@pytest.mark.parametrize("numeric", ["quantile", "standard", "minmax"])
def test_saved_and_loaded_it_encodes_the_same(tmp_path, numeric):
    encoder = Encoder.fit(FRAME, SCHEMA, EncodingSettings(numeric=numeric), seed=3)
    X = encoder.transform(FRAME)
    assert X.dtype == np.float32 and np.isfinite(X).all()
    assert X.shape == (N, len(encoder.feature_names))
    assert len(set(encoder.feature_names)) == X.shape[1]
    assert (X.max(axis=0) > X.min(axis=0)).all(), "no constant columns"
    encoder.save(tmp_path / "encoder")
    loaded = Encoder.load(tmp_path / "encoder")
    assert loaded.schema == SCHEMA and loaded.settings == encoder.settings
    assert loaded.feature_names == encoder.feature_names
    np.testing.assert_array_equal(loaded.transform(FRAME), X)
    np.testing.assert_array_equal(loaded.transform(FRAME.iloc[[5, 3]]), X[[5, 3]])
    again = Encoder.fit(FRAME, SCHEMA, EncodingSettings(numeric=numeric), seed=3)
    np.testing.assert_array_equal(again.transform(FRAME), X)


def test_the_labels_do_not_matter():
    schema = SCHEMA.with_role("sure", "label", "boolean")
    X = Encoder.fit(FRAME, schema).transform(FRAME)
    flipped = FRAME.assign(sure=~FRAME["sure"])
    np.testing.assert_array_equal(Encoder.fit(flipped, schema).transform(flipped), X)
    np.testing.assert_array_equal(
        Encoder.fit(FRAME, schema).transform(FRAME.drop(columns="sure")), X
    )


def test_quantiles_keep_the_order_and_have_mean_0_and_nearly_sd_1():
    x = only("<b>")["<b>"]
    assert (np.argsort(x) == np.argsort(FRAME["<b>"])).all()
    assert abs(x.mean()) < 1e-6 and 0.99 < x.std(ddof=0) < 1


def test_quantiles_of_equal_numbers_are_at_their_middle_rank():
    x, zero = only("skewed")["skewed"], (FRAME["skewed"] == 0).to_numpy()
    np.testing.assert_allclose(x[zero], norm.ppf(zero.mean() / 2), atol=1e-6)
    assert x[~zero].min() == pytest.approx(norm.ppf((zero.sum() + 0.5) / N), abs=1e-6)


def test_minmax_is_the_papers():
    x = only("<b>", numeric="minmax")["<b>"]
    raw = FRAME["<b>"]
    np.testing.assert_allclose(x, (raw - raw.min()) / (raw.max() - raw.min()), atol=1e-6)
    # every category has a column of its own there, rare or not
    assert only("rare", numeric="minmax").shape[1] == 12


def test_a_missing_number_is_the_median_and_says_so():
    x = only("gaps", numeric="standard")
    missing = FRAME["gaps"].isna().to_numpy()
    assert x["gaps is missing"].tolist() == missing.astype(float).tolist()
    present = FRAME["gaps"].to_numpy(dtype=float, na_value=np.nan)
    filled = np.where(missing, np.nanmedian(present), present)
    np.testing.assert_allclose(x["gaps"], (filled - filled.mean()) / filled.std(), atol=1e-5)


def test_truth_values():
    x = only("flag", "sure")
    assert x["sure"].tolist() == FRAME["sure"].astype(float).tolist()
    assert x["flag is missing"].sum() == FRAME["flag"].isna().sum()


def test_categories_are_one_hot_with_missing_as_its_own():
    x = only("colour")
    assert list(x) == ["colour = green", "colour = red", "colour = (missing)"]
    assert (x.sum(axis=1) == 1).all()
    assert x["colour = (missing)"].sum() == FRAME["colour"].isna().sum()
    assert list(only("code")) == ["code = 0", "code = 1", "code = 2", "code = (missing)"]


def test_rare_categories_are_joined():
    x = only("rare")
    assert list(x) == ["rare = common", "rare = other", "rare = (rare)"]
    assert x["rare = (rare)"].sum() == 10
    assert list(only("rare", rare_below=0)) == [
        *(f"rare = {c}" for c in sorted(set(FRAME["rare"])))
    ]
    few = only("rare", rare_below=0, max_categories=2)
    assert list(few) == ["rare = common", "rare = (rare)"]
    assert list(only("rare", rare_below=0.04)) == list(x)


def test_an_unseen_category_is_rare_or_nothing():
    new = FRAME.iloc[:2].assign(rare="never seen", colour="never seen")
    schema = Schema(columns=tuple(c for c in SCHEMA.columns if c.name in ("rare", "colour")))
    encoder = Encoder.fit(FRAME, schema)
    x = dict(zip(encoder.feature_names, encoder.transform(new)[0], strict=True))
    assert x.pop("rare = (rare)") == 1 and set(x.values()) == {0}


def test_a_category_written_as_a_whole_float_is_the_same():
    schema = Schema(columns=(Column(name="code", kind="category"),))
    encoder = Encoder.fit(FRAME, schema)
    as_float = FRAME.assign(code=FRAME["code"].astype("Float64").to_numpy(float, na_value=np.nan))
    np.testing.assert_array_equal(encoder.transform(as_float), encoder.transform(FRAME))


def test_dates_have_the_parts_that_vary():
    x = only("when", "day")
    assert [c for c in x if c.startswith("day")] == ["day day", "day weekday", "day days"]
    assert {"when month", "when hour", "when days", "when is missing"} <= set(x)
    days = pd.to_datetime(FRAME["day"]).dt.day_of_year
    np.testing.assert_allclose(x["day days"], (days - days.mean()) / days.std(ddof=0), atol=1e-5)


def test_components_of_a_text_are_limited_by_its_words():
    x = only("text")
    assert x.shape[1] == len(WORDS) - 1
    assert only("text", text_components=2).shape[1] == 2
    assert abs(np.sqrt(x.var(ddof=0).mean()) - 1) < 1e-5


def test_embeddings_are_standardised_and_pixels_share_a_scale():
    x = only("e0", "e1")
    np.testing.assert_allclose(x.std(ddof=0), 1, atol=1e-5)
    x = only("p0", "p1")
    block = FRAME[["p0", "p1"]].to_numpy(float)
    np.testing.assert_allclose(x, (block - block.mean()) / block.std(), atol=1e-5)
    x = only("p0", "p1", numeric="minmax")
    np.testing.assert_allclose(x, block / block.max(), atol=1e-6)


def test_constant_columns_are_left_out():
    assert list(only("constant", "<b>")) == ["<b>"]
    schema = Schema(columns=(Column(name="constant"),))
    with pytest.raises(InputError, match="varies"):
        Encoder.fit(FRAME, schema)


def test_columns_without_anything_to_encode_do_no_harm():
    frame = pd.DataFrame(
        {"x": [1.0, 2, 3], "hole": [np.nan] * 3, "t": ["", ".", "!"], "d": [None] * 3}
    )
    kinds = {"t": "text", "d": "date"}
    schema = Schema(columns=[Column(name=c, kind=kinds.get(c, "numeric")) for c in frame])
    assert Encoder.fit(frame, schema).feature_names == ("x",)


def test_rows_that_cannot_be_encoded_are_refused():
    encoder = Encoder.fit(FRAME, SCHEMA)
    with pytest.raises(InputError, match="'<b>'"):
        encoder.transform(FRAME.drop(columns="<b>"))
    with pytest.raises(InputError, match="infinite"):
        encoder.transform(FRAME.assign(skewed=np.inf))
    with pytest.raises(InputError, match="'skewed'"):
        encoder.transform(FRAME.assign(skewed="many"))
    with pytest.raises(InputError, match="dates"):
        encoder.transform(FRAME.assign(day="someday"))
    huge = Schema(columns=(Column(name="<b>"),))
    with pytest.raises(InputError, match="too large"):
        Encoder.fit(FRAME, huge, EncodingSettings(numeric="standard")).transform(
            FRAME.assign(**{"<b>": 1e300})
        )


def test_a_file_with_foreign_types_is_not_loaded(tmp_path):
    import skops.io

    Encoder.fit(FRAME, SCHEMA).save(tmp_path / "encoder")
    with zipfile.ZipFile(tmp_path / "encoder") as archive:
        description = archive.read("encoder.json")
    with zipfile.ZipFile(tmp_path / "bad", "w") as archive:
        archive.writestr("encoder.json", description)
        archive.writestr("transformers.skops", skops.io.dumps({"0": zipfile.ZipFile}))
    with pytest.raises(InputError, match="types"):
        Encoder.load(tmp_path / "bad")
    (tmp_path / "junk").write_bytes(b"junk")
    with pytest.raises(InputError, match="not the file of an encoder"):
        Encoder.load(tmp_path / "junk")
    with pytest.raises(InputError, match="cannot be read"):
        Encoder.load(tmp_path / "none")
