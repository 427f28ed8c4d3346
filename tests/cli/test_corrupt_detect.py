"""`dvgs corrupt` damages a copy in known places; `dvgs detect` says how well values find them."""

import json

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data import load

from .test_bad_input import refused


@pytest.fixture
def corrupted(dvgs, tmp_path):
    """corrupted(data, *options) -> (damaged, truth, summary)."""

    def call(data, *options, name="damaged.csv"):
        out = tmp_path / name
        said = dvgs("corrupt", data, "--label", "y", *options, "--json", "--out", out)
        assert said.code == 0 and said.err == "", said.err
        summary = json.loads(said.out)
        return load(out).frame, pd.read_parquet(summary["truth"]), summary

    return call


def test_a_share_of_the_labels_is_replaced_and_all_else_stays(corrupted, table, frame):
    damaged, truth, summary = corrupted(table, "--label-rate", "0.2")
    assert summary["labels_replaced"] == 24 and summary["rows"] == 120 and summary["seed"] == 0
    assert truth["row"].tolist() == list(range(120))
    assert truth["original_label"].tolist() == frame["y"].tolist()
    assert (truth["noise_rate"] == 0).all()
    changed = (damaged["y"] != frame["y"]).to_numpy()
    assert changed.tolist() == truth["corrupted"].tolist() and changed.sum() == 24
    pd.testing.assert_frame_equal(damaged.drop(columns="y"), frame.drop(columns="y"))


def test_every_kind_of_damage_can_be_asked_for(corrupted, table, frame):
    damaged, truth, summary = corrupted(
        *(table, "--label-rate", "0.5", "--label-class", "yes", "--label-group-column", "site"),
        *("--label-group", "n", "--missing-rate", "0.1", "--outlier-rate", "0.2"),
        *("--swap-rate", "0.05", "--duplicate-rate", "0.15"),
        name="all.parquet",
    )
    struck = ((frame["y"] == "yes") & (frame["site"] == "n")).to_numpy()
    relabelled = (damaged["y"] != frame["y"]).to_numpy()
    assert not relabelled[~struck].any()
    assert relabelled.sum() == round(0.5 * struck.sum()) == summary["labels_replaced"]
    assert summary["kinds"] == {
        "label": summary["labels_replaced"],
        "missing values": 12,
        "outliers": 24,
        "swapped columns": 6,
        "near-duplicate": 18,
    }
    assert summary["corrupted"] == truth["corrupted"].sum()
    assert damaged[["a", "b", "c", "colour"]].isna().any(axis=1).sum() == 12
    assert truth["duplicate_of"].notna().sum() == 18


def test_the_truth_lies_beside_the_damaged_file(corrupted, table, tmp_path):
    _, _, summary = corrupted(table, "--label-rate", "0.1", name="bad.parquet")
    assert summary["out"] == str(tmp_path / "bad.parquet")
    assert summary["truth"] == str(tmp_path / "bad.truth.parquet")


def test_the_same_seed_gives_the_same_damage(dvgs, table, tmp_path):
    written = []
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        out = tmp_path / f"{name}.parquet"
        dvgs("corrupt", table, "--label", "y", "--label-rate", "0.3", "--seed", seed, "--out", out)
        written.append((out.read_bytes(), out.with_suffix(".truth.parquet").read_bytes()))
    assert written[0] == written[1] and written[0] != written[2]


def test_noise_falls_on_numeric_features_of_the_matching_rows_only(corrupted, table, frame):
    damaged, truth, summary = corrupted(
        table, "--feature-noise", "3", "--rows", "colour == 'red'", name="noisy.parquet"
    )
    red = (frame["colour"] == "red").to_numpy()
    moved = (damaged[["a", "b", "c"]].to_numpy() != frame[["a", "b", "c"]].to_numpy()).all(axis=1)
    assert moved.tolist() == red.tolist()
    assert summary["labels_replaced"] == 0
    assert (truth["noise_rate"] > 0).tolist() == red.tolist() and truth["noise_rate"].max() <= 3
    rest = ["colour", "site", "y"]
    pd.testing.assert_frame_equal(damaged[rest], frame[rest], check_dtype=False)


def test_columns_that_are_no_features_or_choose_the_rows_stay_as_they_are(corrupted, table, frame):
    damaged, _, summary = corrupted(
        *(table, "--missing-rate", "1", "--swap-rate", "0.5", "--role", "c=ignore"),
        *("--rows", "colour == 'red'"),
        name="kept.parquet",
    )
    assert summary["kinds"]["missing values"] == (frame["colour"] == "red").sum()
    kept = ["c", "colour", "y"]
    pd.testing.assert_frame_equal(damaged[kept], frame[kept], check_dtype=False)
    assert (damaged[["a", "b"]] != frame[["a", "b"]]).any().all()


@pytest.mark.parametrize("name", ["damaged.csv", "damaged.tsv", "damaged.xlsx"])
def test_the_damaged_table_takes_the_form_its_name_ends_in(corrupted, table, frame, name):
    damaged, truth, _ = corrupted(table, "--label-rate", "0.2", name=name)
    assert (damaged["y"] != frame["y"]).tolist() == truth["corrupted"].tolist()
    np.testing.assert_allclose(damaged["a"], frame["a"])


def test_embeddings_keep_their_form(corrupted, tmp_path):
    X, y = np.random.default_rng(0).normal(size=(50, 6)).astype("float32"), np.arange(50) % 2
    np.savez(tmp_path / "x.npz", features=X, y=y)
    damaged, truth, _ = corrupted(tmp_path / "x.npz", "--label-rate", "0.2", name="bad.npz")
    assert damaged.shape == (50, 7) and truth["corrupted"].sum() == 10
    written = np.load(tmp_path / "bad.npz")
    assert (written["features"] == X).all()
    assert ((written["y"] != y) == truth["corrupted"]).all()
    np.save(tmp_path / "x.npy", X)
    pd.DataFrame({"y": y}).to_csv(tmp_path / "y.csv", index=False)
    pair = (tmp_path / "x.npy", "--labels", tmp_path / "y.csv", "--label-rate", "0.2")
    again, same, _ = corrupted(*pair, name="pair.npz")
    assert (again["y"] == damaged["y"]).all() and (same["corrupted"] == truth["corrupted"]).all()
    assert (np.load(tmp_path / "pair.npz")["features"] == X).all()


def test_a_round_trip_finds_the_damage(dvgs, corrupted, tmp_path):
    rng = np.random.default_rng(0)
    y = np.arange(240) % 2
    clusters = pd.DataFrame(rng.normal(size=(240, 4)) + 2 * y[:, None], columns=list("abcd"))
    clusters.assign(y=np.where(y, "in", "out")).to_csv(tmp_path / "clusters.csv", index=False)
    corrupted(tmp_path / "clusters.csv", "--label-rate", "0.2", name="bad.csv")
    values = tmp_path / "values.parquet"
    said = dvgs(
        *("value", tmp_path / "bad.csv", "--label", "y", "--rotations", "2", "--device", "cpu"),
        *("--set", "restarts=1", "--set", "epochs=40", "--set", "width=32", "--out", values),
    )
    assert said.code == 0, said.err
    said = dvgs("detect", values, tmp_path / "bad.truth.parquet", "--json")
    assert said.err == "" and said.out.count("\n") == 1
    found = json.loads(said.out)
    assert found["rows"] == 240 and found["corrupted"] == 48
    assert found["auroc"] > 0.9
    said = dvgs("detect", values, tmp_path / "bad.truth.parquet")
    assert said.out.splitlines() == [
        "48 of 240 rows are corrupted",
        f"AUROC {found['auroc']:.3f}, average precision {found['average_precision']:.3f}",
        f"of the 48 lowest rows {100 * found['precision_at_corrupted']:.1f} % are corrupted",
    ]


@pytest.fixture
def old_and_new(corrupted, tmp_path):
    """200 old rows of two clusters, a label of five wrong, and 100 new ones to trust."""
    rng = np.random.default_rng(0)
    y = np.arange(300) % 2
    clusters = pd.DataFrame(rng.normal(size=(300, 3)) + 2 * y[:, None], columns=list("abc"))
    clusters.assign(y=y, part=np.where(np.arange(300) < 200, "old", "new")).to_csv(
        tmp_path / "clusters.csv", index=False
    )
    corrupted(tmp_path / "clusters.csv", "--label-rate", "0.2", "--rows", "part == 'old'")


def test_auto_says_what_it_expects_and_where_to_cut(dvgs, old_and_new, tmp_path):
    values = tmp_path / "values.parquet"
    said = dvgs(
        *("value", tmp_path / "damaged.csv", "--label", "y", "--target-query", "part == 'new'"),
        *("--method", "auto", "--set", "candidates=knn-shapley, random", "--set", "folds=2"),
        # it tells source from target and is no property of the rows
        *("--role", "part=ignore", "--device", "cpu", "--json", "--out", values),
    )
    assert said.code == 0, said.err
    assert "note: Expected AUROC: Shapley value of neighbours 0." in said.err
    assert "Used: Shapley value of neighbours." in said.err and "Recommended cut: the " in said.err
    assert json.loads(said.out)["method"] == "auto"
    found = json.loads(dvgs("detect", values, tmp_path / "damaged.truth.parquet", "--json").out)
    assert found["auroc"] > 0.85


def test_auto_lists_what_it_tried(dvgs, old_and_new, tmp_path):
    said = dvgs(
        *("value", tmp_path / "damaged.csv", "--label", "y", "--target-query", "part == 'new'"),
        *("--method", "auto", "--set", "candidates=knn-shapley, random, column column=a"),
        *("--set", "folds=2", "--role", "part=ignore", "--device", "cpu"),
        *("--out", tmp_path / "values.parquet"),
    )
    assert said.code == 0, said.err
    head, *lines = said.out.splitlines()[:4]
    assert head.split() == ["tried", "looks", "for", "AUROC", "precision", "seconds", "weight"]
    told = {line.split("  ")[0]: line.replace(" %", "%").split() for line in lines}
    assert set(told) == {"knn-shapley", "random", "column column=a"}
    auroc, _, error, precision, seconds, weight = told["knn-shapley"][2:]
    assert 0.8 < float(auroc) <= 1 and 0 < float(error) < 0.2 and precision.endswith("%")
    assert float(seconds) >= 0 and weight == "1.00"
    assert "random" in told and any(" ".join(line.split()[2:4]) == "given up" for line in lines)


def test_auto_refuses_a_rate_where_a_column_tells_source_from_target(dvgs, old_and_new, tmp_path):
    said = dvgs(
        *("value", tmp_path / "damaged.csv", "--label", "y", "--target-query", "part == 'new'"),
        *("--method", "auto", "--set", "candidates=knn-shapley, random", "--set", "folds=2"),
        *("--role", "part=feature", "--device", "cpu"),
        *("--json", "--out", tmp_path / "values.parquet"),
    )
    assert said.code == 0, said.err
    (line,) = [line for line in said.lines if "tells source rows from target rows" in line]
    assert line.startswith("note: The column 'part' tells") and "'part' the role ignore" in line
    assert "or give the share of damaged rows (rate)" in line
    assert "Recommended cut" not in said.err and "estimated to be damaged" not in said.err
    (report,) = json.loads(said.out)["reports"]
    assert (report["rate"], report["cut"]) == (None, 0) and report["warning"] in line


def test_detect_reckons_with_valued_rows_only(dvgs, tmp_path):
    values = {"row": [0, 1, 2, 3, 4], "value": [0.1, 0.4, 0.2, 0.3, None]}
    truth = {"row": [4, 3, 2, 1, 0], "corrupted": [True, False, True, False, True]}
    pd.DataFrame(values).to_parquet(tmp_path / "v.parquet")
    pd.DataFrame(truth).to_csv(tmp_path / "t.csv", index=False)
    found = json.loads(dvgs("detect", tmp_path / "v.parquet", tmp_path / "t.csv", "--json").out)
    assert found == {
        "rows": 4,
        "corrupted": 2,
        "auroc": 1.0,
        "average_precision": 1.0,
        "precision_at_corrupted": 1.0,
        "without_value": 1,
        "corrupted_without_value": 1,
    }
    said = dvgs("detect", tmp_path / "v.parquet", tmp_path / "t.csv").out.splitlines()
    assert said[0] == "rows without a value are left out: 1, of which 1 are corrupted"
    # a target row needs none
    roles = pd.DataFrame(values).assign(role=["source"] * 4 + ["target"])
    roles.to_parquet(tmp_path / "v.parquet")
    again = json.loads(dvgs("detect", tmp_path / "v.parquet", tmp_path / "t.csv", "--json").out)
    assert again == found | {"without_value": 0, "corrupted_without_value": 0}


@pytest.mark.parametrize(
    ("values", "truth", "words"),
    [
        ({"row": [0, 1], "worth": [1.0, 2.0]}, None, ["v.parquet", "lacks value"]),
        ({"value": [1.0, 2.0]}, None, ["v.parquet", "lacks row"]),
        ({"row": [0, 1], "value": ["low", "high"]}, None, ["value of", "numbers"]),
        ({"row": [0, 0], "value": [1.0, 2.0]}, None, ["v.parquet", "twice"]),
        ({"row": [0, 1], "value": [np.nan, np.nan]}, None, ["No row of", "v.parquet", "value"]),
        ({"row": [0, 7], "value": [1.0, 2.0]}, None, ["does not know 1 of the 2", "7"]),
        (None, {"row": [0, 1], "wrong": [True, False]}, ["t.parquet", "lacks corrupted"]),
        (None, {"row": [0, 1], "corrupted": ["yes", "no"]}, ["corrupted of", "true or false"]),
        (None, {"row": [0, 1], "corrupted": [True, None]}, ["corrupted of", "true or false"]),
        (None, {"row": [0, 1], "corrupted": [False, False]}, ["damaged and sound", "0 are"]),
    ],
)
def test_tables_that_cannot_be_compared_are_refused(dvgs, tmp_path, values, truth, words):
    values = values or {"row": [0, 1], "value": [1.0, 2.0]}
    truth = truth or {"row": [0, 1], "corrupted": [True, False]}
    pd.DataFrame(values).to_parquet(tmp_path / "v.parquet")
    pd.DataFrame(truth).to_parquet(tmp_path / "t.parquet")
    refused(dvgs("detect", tmp_path / "v.parquet", tmp_path / "t.parquet"), *words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--label", "y", "--label-rate", "1.5"), ["label_rate", "1.5"]),
        (("--label", "y", "--feature-noise", "-1"), ["noise", "-1"]),
        (("--label", "y", "--feature-noise", "nan"), ["noise", "nan"]),
        (("--label", "y", "--rows", "a > 99"), ["No row matches", "a > 99", "120"]),
        (("--label", "y"), ["Nothing is damaged", "--label-rate 0.2"]),
        (("--label", "y", "--label-rate", "0.001"), ["Nothing is damaged"]),
        (("--label-rate", "0.2"), ["classification", "label"]),
        (("--label", "a", "--label-rate", "0.2"), ["classification"]),
        (("--label", "why", "--label-rate", "0.2"), ["no column 'why'"]),
    ],
)
def test_damage_that_cannot_be_done_is_refused(dvgs, table, tmp_path, options, words):
    refused(dvgs("corrupt", table, *options, "--out", tmp_path / "bad.csv"), *words)
    assert not (tmp_path / "bad.csv").exists()


def test_noise_has_nothing_to_fall_on_or_a_column_it_would_ruin(dvgs, frame, tmp_path):
    words, infinite = tmp_path / "words.csv", tmp_path / "infinite.csv"
    frame[["colour", "site", "y"]].to_csv(words, index=False)
    frame.assign(a=[np.inf] * 2 + [1.0] * 118).to_csv(infinite, index=False)
    for data, said in ((words, "No numeric feature varies"), (infinite, "2 infinite values")):
        options = ("--label", "y", "--feature-noise", "1", "--out", tmp_path / "bad.csv")
        refused(dvgs("corrupt", data, *options), said)


def test_detect_writes_the_curve_with_random_and_perfect_beside_it(dvgs, tmp_path):
    values = {"row": [0, 1, 2, 3], "value": [0.1, 0.2, 0.3, 0.4]}
    truth = {"row": [0, 1, 2, 3], "corrupted": [True, False, True, False]}
    pd.DataFrame(values).to_parquet(tmp_path / "v.parquet")
    pd.DataFrame(truth).to_parquet(tmp_path / "t.parquet")
    out = tmp_path / "curve.csv"
    said = dvgs("detect", tmp_path / "v.parquet", tmp_path / "t.parquet", "--out", out)
    assert said.code == 0 and said.out.splitlines()[-1] == f"wrote {out}"
    curve = pd.read_csv(out)
    assert curve.to_dict("list") == {
        "inspected": [0, 0.25, 0.5, 0.75, 1],
        "found": [0, 0.5, 0.5, 1, 1],
        "random": [0, 0.25, 0.5, 0.75, 1],
        "perfect": [0, 0.5, 1, 1, 1],
    }
    again = dvgs("detect", out.with_name("v.parquet"), out, "--out", out)
    refused(again, "overwrite")


def test_detect_says_how_values_follow_noise(dvgs, corrupted, table, tmp_path):
    _, truth, _ = corrupted(table, "--feature-noise", "3", name="noisy.parquet")
    worth = truth.assign(value=-truth["noise_rate"])[["row", "value"]]
    worth.to_parquet(tmp_path / "v.parquet")
    call = ("detect", tmp_path / "v.parquet", tmp_path / "noisy.truth.parquet")
    assert json.loads(dvgs(*call, "--json").out) == {
        "rows": 120,
        "noise_spearman": 1.0,
        "noise_spearman_standard_error": 0.0,
        "without_value": 0,
        "corrupted_without_value": 0,
    }
    (line,) = dvgs(*call).out.splitlines()
    assert line.startswith("Noise and low values have the rank correlation 1.000 over 120 rows")
    (tmp_path / "both").mkdir()
    _, truth, _ = corrupted(
        table, "--feature-noise", "3", "--label-rate", "0.2", name="both/noisy.parquet"
    )
    both = json.loads(
        dvgs("detect", tmp_path / "v.parquet", tmp_path / "both/noisy.truth.parquet", "--json").out
    )
    assert both["corrupted"] == 24 and 0 < both["auroc"] < 1 and both["noise_spearman"] == 1
