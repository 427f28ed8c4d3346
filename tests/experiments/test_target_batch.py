"""The experiment on large targets: what it draws, and that its document says what it recorded."""

import pytest

from dvgs_core.paper.records import Record
from experiments.target_batch import DATA, SETTINGS, write


@pytest.mark.data
@pytest.mark.parametrize("name", DATA)
def test_a_target_is_as_large_as_asked_and_holds_no_source_row(real_data, name):
    X, y, X_target, y_target = DATA[name](real_data, 0, 8000)
    assert len(X) == len(y) and len(X_target) == len(y_target) == 8000
    if name == "CIFAR features":  # where rows of the train part fill the target, none is in both
        rows = {row.tobytes() for row in X}
        assert not any(row.tobytes() in rows for row in X_target)


def test_the_document_has_the_mean_of_its_seeds(tmp_path):
    settings = next(iter(SETTINGS.values()))
    records = [
        Record(
            what={"data": "ADULT", "target": 2000, "seed": seed, "settings": settings},
            outcome={
                "auroc": [auroc, auroc + 0.02],
                "start_to_start": 0.5 + seed / 10,
                "processor_seconds": [4.0, 6.0],
            },
            seconds=10.0,
            date="2026-11-25T21:00:00+00:00",
            command="it",
            version="0.1.0",
        )
        for seed, auroc in enumerate((0.80, 0.90))
    ]
    write(records, tmp_path / "target-batch.md")
    text = (tmp_path / "target-batch.md").read_text()
    setting = next(iter(SETTINGS))
    assert f"| ADULT | 2,000 | {setting} | 0.860 | 0.55 | 5.0 | 2 |" in text
    assert "BLOG | " not in text and "2026-11-25" in text
