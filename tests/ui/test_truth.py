"""What is known of rows damaged on purpose, in words that are true of every kind of damage."""

import pandas as pd

from ui import truth


def known(**columns):
    return pd.DataFrame(columns, index=pd.Index([4, 7, 9], name="row"))


def test_the_label_is_told_only_where_it_was_replaced():
    rows = known(
        corrupted=[True, True, False],
        kind=["swapped columns + noise", "label + missing values", "noise"],
        original_label=["<=50K", ">50K", "<=50K"],
    )
    assert truth.told(rows, 4) == ["damaged on purpose: columns swapped, noise"]
    assert truth.told(rows, 7) == [
        "damaged on purpose: label replaced, values emptied",
        "its label was >50K",
    ]
    assert truth.told(rows, 9) == ["noise added on purpose, nothing else"]
    assert truth.damage(rows).to_dict() == {
        4: "columns swapped, noise",
        7: "label replaced, values emptied",
        9: "noise",
    }


def test_a_truth_without_kinds_knows_of_replaced_labels_alone():
    rows = known(corrupted=[False, True, False], original_label=[1, 2, 3])
    assert truth.told(rows, 4) == ["not damaged"]
    assert truth.told(rows, 7) == ["damaged on purpose: label replaced", "its label was 2"]
    assert truth.damage(rows).tolist() == ["", "label replaced", ""]
