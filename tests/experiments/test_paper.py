"""The paper's first experiment and the bundled demo, at the accuracy they must reach.

The figures are printed; `pytest -s` shows them.
"""

import numpy as np
import pytest

from dvgs_core import DVGS, Samples, corrupt_labels, detection
from dvgs_core.data import (
    Encoder,
    EncodingSettings,
    SplitSettings,
    draw_splits,
    infer_schema,
    load,
    read_labels,
)
from dvgs_core.data.demos import DEMOS
from dvgs_core.engine.job import Job
from dvgs_core.engine.prepare import prepare
from dvgs_core.engine.valuate import finish, valuate
from dvgs_core.engine.values import value_table

SEEDS = range(5)


@pytest.mark.data
def test_adult_labels_are_found_as_in_the_paper(real_data):
    """Experiment 1: 1,000 training rows, 20 % of their labels replaced; 400 test rows as target.

    The paper reports an AUROC of 0.896 ± 0.030.
    """
    table = load(real_data / "adult.parquet")
    schema = infer_schema(table, "income")
    labels = read_labels(table.frame, schema)
    found = []
    for seed in SEEDS:
        chosen = SplitSettings(
            target_query="split == 'test'",
            target_size=400,
            source_query="split == 'train'",
            source_size=1000,
            seed=seed,
        )
        (split,) = draw_splits(table.frame, labels, schema, chosen)
        assert (len(split.source), len(split.target)) == (1000, 400)
        used = np.union1d(split.source, split.target)
        encoder = Encoder.fit(table.frame.iloc[used], schema, EncodingSettings(numeric="minmax"))
        X = encoder.transform(table.frame.iloc[used])
        at_source, at_target = (np.searchsorted(used, r) for r in (split.source, split.target))
        y, mask = corrupt_labels(labels.y[split.source], 0.2, seed=seed)
        assert mask.sum() == 200
        source = Samples(X[at_source], y, split.source)
        target = Samples(X[at_target], labels.y[split.target], split.target)
        valuation = DVGS.paper("adult-labels", seed=seed).value(source, target)
        assert valuation.trace.shape == (100, 1000)
        found.append(detection(mask, valuation.values).auroc)
    print(f"ADULT, experiment 1: AUROC {np.mean(found):.3f} ± {np.std(found, ddof=1):.3f}", found)
    assert np.mean(found) >= 0.88


@pytest.mark.parametrize("seed", [0, 1])
def test_wrong_digits_of_the_demo_are_found_and_named_with_default_settings(tmp_path, seed):
    """One label of ten is wrong, and the targets are drawn from the same dirty rows."""
    files = DEMOS["digits"].write(tmp_path)
    table = load(files.path)
    # what the Target page offers before anything is chosen
    split = SplitSettings(rotations=2, target_size=0.3, seed=seed)
    job = Job(columns=infer_schema(table), split=split, seed=seed)
    prepared = prepare(table, job)
    values = value_table(prepared, finish(valuate(prepared), lambda _: True))
    assert values["value"].notna().all()
    wrong = files.truth["corrupted"].to_numpy()
    found = detection(wrong, values["value"].to_numpy())
    right = values["suggested_label"] == files.truth["original_label"].astype(str)
    named = right[wrong].mean()
    print(
        f"digits, seed {seed}: AUROC {found.auroc:.4f}, {named:.1%} of {wrong.sum()} wrong labels "
        f"suggested right, {found.precision_at(wrong.sum()):.1%} of the lowest {wrong.sum()} wrong"
    )
    assert found.auroc >= 0.985
    assert named >= 0.90
