"""The document follows from the records alone."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dvgs_core.paper.comparison import comparison
from dvgs_core.paper.document import write
from dvgs_core.paper.published import TABLE_1
from dvgs_core.paper.records import Record, Records
from dvgs_core.paper.summary import groups, listed_seeds, mean_and_spread, plus_minus

ROOT = Path(__file__).resolve().parents[2]


def valuation(method, seed, auroc, *, experiment=1, epochs=100, day="02", seconds=3.0):
    what = {"experiment": experiment, "method": method, "seed": seed}
    outcome = {"auroc": auroc, "found": [i / 50 for i in range(51)]}
    command = f"dvgs reproduce table-1 --seed {seed}"
    date = f"2026-01-{day}T03:04:05+00:00"
    settings = {"settings": {"epochs": epochs}}
    return Record(what | settings, outcome, seconds, date, command, "0.1.0", "2 CPU cores")


@pytest.fixture
def records(tmp_path):
    kept = Records(tmp_path / "results" / "records")
    for record in (
        valuation("dvgs", 0, 0.880),
        valuation("dvgs", 1, 0.920, day="03"),
        valuation("loo", 0, 0.400, seconds=120),
        valuation("mine", 0, 0.99),
    ):
        kept.add("valuations", record)
    return kept


def test_table_1_has_ours_the_papers_and_where_each_number_comes_from(records, tmp_path):
    path = write(records, tmp_path / "results")
    assert path == tmp_path / "results.md"
    text = path.read_text()
    table = text.split("## Table 1")[1].split("## Table 2")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert rows[0] == "|  | DVGS | LOO | mine |"
    # (0.88 + 0.92) / 2 and 0.04 / √2
    assert "| **0.900 ± 0.028** (2) | **0.400** (1) | **0.990** (1) |" in rows[2]
    assert rows[3] == "| the paper | 0.896 ± 0.030 | 0.542 ± 0.056 |  |"
    assert "1 of 2 means lie within" in table
    assert "LOO: 0.400 against 0.542 ± 0.056, −2.5 of its standard deviations." in table
    assert "`dvgs reproduce table-1 --seed 0`; `dvgs reproduce table-1 --seed 1`" in table
    assert "2026-01-02 to 2026-01-03" in table and "0, 1" in table
    assert "**2**" in text.split("## Table 3")[1].split("## Table 4")[0]  # minutes of LOO
    assert "Not run yet: `dvgs reproduce table-4`." in text


def test_minutes_of_a_machine_that_was_shared_are_at_most_so_many(records, tmp_path):
    busy = replace(valuation("dvrl", 0, 0.88, seconds=600), load=9.0)
    records.add("valuations", busy)
    text = write(records, tmp_path / "results").read_text()
    minutes = text.split("## Table 3")[1].split("## Table 4")[0]
    assert "**≤ 10**" in minutes and "**2**" in minutes


def test_every_figure_the_document_shows_is_there(records, tmp_path):
    text = write(records, tmp_path / "results").read_text()
    shown = [part.split(")")[0] for part in text.split("](")[1:] if ".svg" in part]
    assert {"results/figure-2.svg", "results/figure-7.svg"} <= set(shown)
    assert all((tmp_path / file).is_file() for file in shown)


def test_writing_again_changes_nothing(records, tmp_path):
    before = write(records, tmp_path / "results").read_bytes()
    assert write(Records(records.folder), tmp_path / "results").read_bytes() == before


def test_a_quick_document_says_so(records, tmp_path):
    assert "its numbers mean nothing" in write(records, tmp_path / "o", quick=True).read_text()
    assert "its numbers mean nothing" not in write(records, tmp_path / "o").read_text()


def test_an_explanation_stands_beside_what_is_not_within(records):
    explained = {(1, "loo"): "Because of the moon"}
    body = comparison(records.of("valuations"), "auroc", TABLE_1, explained, {}).body
    assert "standard deviations. Because of the moon." in body


@pytest.mark.parametrize(
    ("late", "told"), [((0.3, 0.9, 0.4), True), ((0.40, 0.43, 0.4), False), ((), False)]
)
def test_a_measure_that_still_swings_within_a_run_is_said_to(records, late, told):
    course = [[step, measure] for step, measure in enumerate((0.1, 0.1, *late) if late else ())]
    (loo,) = (one for one in records.of("valuations") if one.what["method"] == "loo")
    changed = replace(loo, outcome=loo.outcome | {"course": course})
    body = comparison([changed], "auroc", TABLE_1, {}, {}).body
    assert ("it moved between 0.300 and 0.900." in body) == told
    assert ("it moved" in body) == told


def test_draws_that_each_stay_where_they_are_do_not_swing(records):
    (loo,) = (one for one in records.of("valuations") if one.what["method"] == "loo")
    draws = [
        replace(
            loo,
            what=loo.what | {"seed": seed},
            outcome=loo.outcome | {"course": [[step, level] for step in range(4)]},
        )
        for seed, level in enumerate((0.3, 0.9))
    ]
    assert "it moved" not in comparison(draws, "auroc", TABLE_1, {}, {}).body


def test_why_loo_differs_is_told_with_the_numbers_of_its_record(records, tmp_path):
    def said():
        table = write(records, tmp_path / "results").read_text().split("## Table 2")[0]
        return next(line for line in table.splitlines() if "LOO: 0.400" in line)

    assert said().endswith("the missing row tells them apart.")
    found = {"spread_of_values": 0.0021, "spread_over_starts": 0.0412}
    outcome = found | {"auroc_with_own_starts": [0.512, 0.034]}
    command = "python -m experiments.loo_starts"
    records.add("loo-starts", replace(valuation("loo", 3, 0), outcome=outcome, command=command))
    for number in ("0.0021", "0.0412", "0.512 ± 0.034", f"`{command}`, seed 3, 2026-01-02"):
        assert number in said()


def test_what_dvrl_is_shown_stands_beside_what_it_makes_of_it(records, tmp_path):
    for seed, auroc in enumerate((0.5, 0.6)):
        records.add("valuations", valuation("dvrl", seed, auroc))
    for seed, auroc in enumerate((0.51, 0.62, 0.70)):
        records.add("dvrl-input", replace(valuation("dvrl", seed, auroc), command="python it"))
    table = write(records, tmp_path / "results").read_text().split("## Table 2")[0]
    said = next(line for line in table.splitlines() if "DVRL: 0.550" in line)
    # 0.61 is the mean of 0.51, 0.62 and 0.70, and 0.095 their deviation
    assert "by itself 0.610 ± 0.095 over draws 0–2 (`python it`, 2026-01-02)" in said
    assert "in the draws of the table it has 0.510, 0.620, and DVRL ends at 0.500, 0.600." in said
    body = replace(valuation("dvrl", 1, 0), outcome={"varying": [[20, 7], [90, 0]]})
    records.add("dvrl-bodies", body)
    table = write(records, tmp_path / "results").read_text().split("## Table 2")[0]
    assert "differ between rows after 20, 90 steps: 7, 0 in draw 1; where none does" in table


def test_the_document_in_docs_is_what_its_records_say(tmp_path):
    shutil.copytree(ROOT / "docs" / "results" / "records", tmp_path / "results" / "records")
    made = write(Records(tmp_path / "results" / "records"), tmp_path / "results")
    assert made.read_text() == (ROOT / "docs" / "results.md").read_text()
    for drawn in (tmp_path / "results").glob("*.svg"):
        assert (ROOT / "docs" / "results" / drawn.name).is_file()


def test_what_takes_less_than_a_millisecond_is_given_no_number(tmp_path):
    kept = Records(tmp_path / "results" / "records")
    kept.add("valuations", valuation("random", 0, 0.5, seconds=0.0))
    shown = write(kept, tmp_path / "results").read_text().split("## Figure 7")[1]
    assert "| random | < 0.001 | 0.500 |" in shown


def test_what_a_method_takes_is_told_until_it_is_run(records):
    costly = {"dvrl": "a year", "loo": "a day"}
    body = comparison(records.of("valuations"), "auroc", TABLE_1, {}, costly).body
    assert "DVRL has not been run: a year." in body and "a day" not in body


def test_only_records_with_the_newest_settings_are_averaged():
    old = [valuation("dvgs", seed, 0.1, epochs=50, day="01") for seed in (0, 1)]
    new = [valuation("dvgs", seed, 0.9) for seed in (4, 3)]
    found = groups([*old, *new])
    assert [r.what["seed"] for r in found[1, "dvgs"]] == [3, 4]


def test_numbers_as_they_are_written():
    assert plus_minus(-0.0074, 0.026) == "−0.007 ± 0.026"
    assert plus_minus(0.5, None) == "0.500"
    assert mean_and_spread([1.0, 3.0]) == (2.0, pytest.approx(2**0.5))
    assert mean_and_spread([1.0]) == (1.0, None)
    assert listed_seeds([2, 0, 1]) == "0–2" and listed_seeds([5, 0]) == "0, 5"
