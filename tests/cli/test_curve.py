"""`dvgs curve`: scores on the holdout against the share of rows removed."""

import json

import numpy as np
import pandas as pd
import pytest

from dvgs_core.evaluation.filtering import COLUMNS

from .conftest import SMALL
from .test_bad_input import refused

SPLIT = ("--label", "y", "--target-size", "30", "--holdout-size", "30")
QUICK = ("--points", "3", "--replicates", "2", "--epochs", "5", *SMALL)


def test_values_that_are_known_and_values_made_on_the_way_give_the_same_curve(
    dvgs, table, tmp_path
):
    values, one, other = (tmp_path / f"{name}.parquet" for name in ("values", "one", "other"))
    assert dvgs("value", table, *SPLIT, *SMALL, "--out", values).code == 0
    said = dvgs("curve", table, *SPLIT, *QUICK, "--values", values, "--json", "--out", one)
    assert said.code == 0, said.err
    assert dvgs("curve", table, *SPLIT, *QUICK, "--out", other).code == 0
    frame = pd.read_parquet(one)
    pd.testing.assert_frame_equal(frame, pd.read_parquet(other))

    assert tuple(frame.columns) == COLUMNS
    assert set(frame["which"]) == {"lowest", "highest", "random"}
    assert sorted(frame["removed"].unique()) == [0, 0.45, 0.9]
    # 120 rows, 30 of them target and 30 holdout
    assert frame.loc[frame["removed"] == 0, "rows"].unique().tolist() == [60]
    assert frame["score"].between(0, 1).all() and set(frame["metric"]) == {"auroc"}
    summary = json.loads(said.out)
    assert summary["rows"] == 60 and summary["holdout"] == 30
    # two replicates of nothing removed, and of two shares in three orders
    assert summary["networks"] == 2 * (1 + 2 * 3)
    assert summary["conclusion"].startswith("Dropping the lowest")


def test_removing_what_is_known_to_be_damaged_is_a_curve_of_its_own(dvgs, table, tmp_path):
    damaged, out = tmp_path / "damaged.csv", tmp_path / "curve.parquet"
    said = dvgs("corrupt", table, "--label", "y", "--label-rate", "0.3", "--json", "--out", damaged)
    truth = json.loads(said.out)["truth"]
    said = dvgs("curve", damaged, *SPLIT, *QUICK, "--truth", truth, "--out", out)
    assert said.code == 0, said.err
    assert "oracle" in set(pd.read_parquet(out)["which"])


def test_without_a_number_of_points_the_lowest_are_removed_in_finer_steps(dvgs, table, tmp_path):
    out = tmp_path / "curve.parquet"
    assert dvgs("curve", table, *SPLIT, *QUICK[2:], "--out", out).code == 0
    removed = pd.read_parquet(out).groupby("which")["removed"].unique()
    # of 60 rows two per cent are one
    assert sorted(removed["lowest"])[:5] == [0, 0.02, 0.04, 0.06, 0.08]
    assert sorted(removed["random"])[:3] == [0, 0.1, 0.2]


def test_settings_of_the_curve_are_checked(dvgs, table, tmp_path):
    out = tmp_path / "curve.parquet"
    said = dvgs("curve", table, *SPLIT, *QUICK, "--most", "1.5", "--out", out)
    refused(said, "most: Input should be less than 1; got 1.5")
    assert not out.exists()


def test_without_a_holdout_it_says_what_to_give(dvgs, table, tmp_path):
    said = dvgs("curve", table, "--label", "y", *QUICK, "--out", tmp_path / "curve.parquet")
    refused(said, "There is no holdout", "--holdout-size")


@pytest.mark.parametrize("rows", [range(119), [*range(119), 500]])
def test_values_of_other_data_are_refused(dvgs, table, tmp_path, rows):
    values = tmp_path / "values.parquet"
    pd.DataFrame({"row": list(rows), "value": np.zeros(len(rows))}).to_parquet(values)
    said = dvgs(
        *("curve", table, *SPLIT, *QUICK, "--values", values),
        *("--out", tmp_path / "curve.parquet"),
    )
    refused(said, "one line for each of the 120 rows")


def test_values_of_another_draw_are_refused(dvgs, table, tmp_path):
    values = tmp_path / "values.parquet"
    assert dvgs("value", table, *SPLIT, *SMALL, "--seed", "1", "--out", values).code == 0
    said = dvgs(
        *("curve", table, *SPLIT, *QUICK, "--values", values, "--seed", "2"),
        *("--out", tmp_path / "curve.parquet"),
    )
    refused(said, "values other rows", "same options and seed")


def test_rows_without_a_value_are_left_out_and_said_to_be(dvgs, frame, tmp_path):
    data, out = tmp_path / "table.csv", tmp_path / "curve.parquet"
    values = tmp_path / "values.parquet"
    score = np.where(np.arange(120) % 4 > 0, np.arange(120), np.nan)
    frame.assign(score=score).to_csv(data, index=False)
    by_score = ("--method", "column", "--set", "column=score")
    assert dvgs("value", data, *SPLIT, *by_score, "--out", values).code == 0
    made = pd.read_parquet(values)
    without = int((made["role"].eq("source") & made["value"].isna()).sum())
    assert without > 5
    note = f"note: {without} source rows without a value take no part in the curves."
    for how in (by_score, ("--values", values)):
        said = dvgs("curve", data, *SPLIT, *QUICK[:6], *how, "--json", "--out", out)
        assert said.code == 0 and note in said.lines
        assert json.loads(said.out)["rows"] == 60 - without


@pytest.mark.parametrize(("value", "words"), [(np.nan, "No source row"), (np.inf, "infinite")])
def test_values_that_say_nothing_are_refused(dvgs, table, tmp_path, value, words):
    values, out = tmp_path / "values.parquet", tmp_path / "curve.parquet"
    pd.DataFrame({"row": range(120), "value": value}).to_parquet(values)
    refused(dvgs("curve", table, *SPLIT, *QUICK, "--values", values, "--out", out), words)
    assert not out.exists()
