"""The experiment on auto: it records what auto refuses to estimate, and its document says so."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from dvgs_core import Samples, methods
from dvgs_core.paper.records import Record
from experiments import auto_choice


def rows_told_apart():
    """80 source and 50 target rows, with a feature that says which are which."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 130)
    X = np.c_[rng.normal(size=(130, 3)) + 2 * y[:, None], np.arange(130) < 80].astype(np.float32)
    wrong = np.arange(80) % 5 == 0
    given = np.where(wrong, 1 - y[:80], y[:80])
    return Samples(X[:80], given), Samples(X[80:], y[80:]), wrong


def test_a_refused_rate_is_recorded_as_none(monkeypatch):
    few = partial(methods.create, candidates="confident-learning", folds=2, repeats=1)
    monkeypatch.setattr(auto_choice, "methods", SimpleNamespace(create=few))
    monkeypatch.setattr(auto_choice, "candidates", lambda *_: [])  # auto tries its own
    outcome = auto_choice.tried(rows_told_apart(), 0, "auto")
    assert outcome["rate"] == [None, 0.2]
    assert set(outcome["precision"]) == {"5 %", "10 %", "wrong"}
    assert outcome["auto"] > 0.5


@pytest.mark.parametrize(
    ("estimated", "shown"), [((0.25, None), "0.25"), ((None, None), "refused")]
)
def test_the_document_has_the_mean_of_what_was_estimated(tmp_path, estimated, shown):
    records = [
        Record(
            what={"data": "ADULT", "seed": seed, "fear": "auto"},
            outcome={
                "own": {"dvgs": 0.9},
                "auto": 0.92 + seed / 50,
                "rate": [rate, 0.2],
                "precision": {k: [0.9 - seed / 10, 0.8] for k in ("5 %", "10 %", "wrong")},
                "processor_seconds": 2.0,
            },
            seconds=1.0,
            date="2026-11-25T21:00:00+00:00",
            command="it",
            version="0.1.0",
        )
        for seed, rate in enumerate(estimated)
    ]
    auto_choice.write(records, [], ["ADULT"], tmp_path / "auto.md")
    text = (tmp_path / "auto.md").read_text()
    assert f"| ADULT | 0.85 / 0.80 | 0.85 / 0.80 | 0.85 / 0.80 | {shown} / 0.20 |" in text
    assert "| ADULT | **0.930** | 0.931, no | 0.900 (dvgs) | +0.030, yes | 0.900 | 2 | 2 |" in text


def test_the_document_counts_the_cuts_whose_truth_lies_in_the_range(tmp_path):
    said = [
        {"cut": 200, "precision": 0.8, "range": [0.7, 0.9], "true": 0.72},
        {"cut": 40, "precision": 0.9, "range": [0.85, 0.95], "true": 0.86},
        {"cut": 50, "precision": 0.9, "range": [0.85, 0.95], "true": 0.7},
        {"cut": 0},
    ]
    cuts = [
        Record({"data": "wine*", "seed": seed}, outcome, 1.0, "2026-11-25", "it", "0.1.0")
        for seed, outcome in enumerate(said)
    ]
    auto_choice.write([], cuts, ["wine*"], tmp_path / "auto.md")
    text = (tmp_path / "auto.md").read_text()
    assert "lies in 2 of 3 ranges, and within 5 points of the number 1 times" in text
    assert "| wine* | 0 | 200 | 0.80 | 0.70 to 0.90 | 0.72 | yes |" in text
    assert "| wine* | 2 | 50 | 0.90 | 0.85 to 0.95 | 0.70 | no |" in text
    assert "| wine* | 3 | 0 | | | | |" in text


def test_a_recommended_cut_is_recorded_with_its_range(monkeypatch):
    few = partial(methods.create, candidates="confident-learning", folds=2, repeats=1)
    monkeypatch.setattr(auto_choice, "methods", SimpleNamespace(create=few))
    source, target, wrong = rows_told_apart()
    source, target = (Samples(part.X[:, :3], part.y) for part in (source, target))
    outcome, _ = auto_choice.cut_work("x", 0, lambda seed: (source, target, wrong)).compute()
    low, high = outcome["range"]
    assert 0 <= low <= outcome["precision"] <= high <= 1
    assert outcome["true"] * outcome["cut"] == pytest.approx(
        round(outcome["true"] * outcome["cut"]), abs=0.01
    )
