"""What decisions do to classes and groups, and data that was damaged on purpose."""

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data.frame import from_frame
from dvgs_core.data.schema import infer_schema, read_labels
from dvgs_core.review import damage_of
from dvgs_core.review.effect import class_effect, group_effect, label_texts


def test_each_class_is_counted_before_and_after():
    labels = pd.Series(["a", "a", "a", "b", "b", "c"])
    found = class_effect(labels, (0, 5), {1: "b", 3: "d", 4: "a"})
    expected = {
        # before, dropped, away, to, after
        "a": (3, 1, 1, 1, 2),
        "b": (2, 0, 2, 1, 1),
        "c": (1, 1, 0, 0, 0),
        "d": (0, 0, 0, 1, 1),
    }
    counts = found.set_index("label")[
        ["before", "dropped", "relabelled_away", "relabelled_to", "after"]
    ]
    assert {label: tuple(row) for label, row in counts.iterrows()} == expected
    assert found["label"].tolist() == ["c", "b", "a", "d"]
    np.testing.assert_allclose(found["change"], [-1, -0.5, -1 / 3, np.nan])


def test_without_decisions_nothing_changes():
    found = class_effect(pd.Series(["a", "b", "b"]), (), {})
    assert found["change"].tolist() == [0, 0] and (found["before"] == found["after"]).all()


def test_rows_without_a_label_belong_to_no_class_until_they_are_given_one():
    frame = pd.DataFrame({"x": range(6), "y": ["a", None, "b", "a", "b", None]})
    labels = label_texts(read_labels(frame, infer_schema(from_frame(frame, "f"), "y")))
    assert labels.index.tolist() == [0, 2, 3, 4]
    found = class_effect(labels, (1,), {5: "b"}).set_index("label")
    assert found.loc["b", ["before", "relabelled_to", "after"]].tolist() == [2, 1, 3]
    assert found["dropped"].sum() == 0


def test_numbers_are_shown_as_labels_are():
    frame = pd.DataFrame({"x": range(4), "y": [0.0, 1.0, 1.0, 0.0]})
    schema = infer_schema(from_frame(frame, "f"), "y").with_task("classification")
    labels = label_texts(read_labels(frame, schema))
    found = class_effect(labels, (), {0: 1.0}).set_index("label")
    assert found["after"].to_dict() == {"0": 1, "1": 3}


def test_groups_lose_what_is_dropped():
    frame = pd.DataFrame({"x": range(100), "site": ["n"] * 90 + ["s"] * 10, "y": ["a", "b"] * 50})
    schema = infer_schema(from_frame(frame, "f"), "y")
    found = group_effect(frame, schema, [0, 91, 92, 93, 94, 95])
    assert list(found) == ["site"]
    lines = found["site"].set_index("name")
    assert lines["lost"].to_dict() == {"s": 5, "n": 1}
    assert lines["more"].to_dict() == {"s": True, "n": False}


def truth(corrupted, noise=0.0):
    rows = range(len(corrupted))
    return pd.DataFrame(
        {"row": rows, "corrupted": corrupted, "original_label": "a", "noise_rate": noise}
    )


@pytest.mark.parametrize(
    ("known", "rows"),
    [(None, None), (truth([False] * 20), None), (truth([True] * 3 + [False] * 17), 3)],
)
def test_damage_shows_in_the_truth(workspace, tmp_path, known, rows):
    path = tmp_path / "t.csv"
    path.write_text("size,label\n" + "".join(f"{i},a\n" for i in range(20)))
    dataset = workspace.add_dataset(path, "t.csv", truth=known)
    found = damage_of(workspace, dataset.id)
    assert (None if found is None else found.rows) == rows


def test_damage_shows_in_noise_and_in_the_setting(workspace, tmp_path, dataset):
    assert damage_of(workspace, dataset.id) is None
    workspace.set_setting(dataset.id, "damaged_from", "0123456789abcdef")
    found = damage_of(workspace, dataset.id)
    assert (found.rows, found.original) == (None, "0123456789abcdef")
    path = tmp_path / "noisy.csv"
    path.write_text("size,label\n" + "".join(f"{i},a\n" for i in range(20)))
    noisy = workspace.add_dataset(path, "n.csv", truth=truth([False] * 20, noise=0.5))
    assert damage_of(workspace, noisy.id).rows == 0


def test_a_class_stands_out_only_beyond_chance_and_moves_are_no_losses():
    labels = pd.Series(["rare"] * 20 + ["usual"] * 980)
    one = class_effect(labels, (), {0: "usual"}).set_index("label")
    assert not one["drops_more"].any() and not one["moves_more"].any()
    moved = class_effect(labels, (), dict.fromkeys(range(6), "usual")).set_index("label")
    assert not moved["drops_more"].any() and moved["moves_more"].to_dict() == {
        "rare": True,
        "usual": False,
    }
    dropped = class_effect(labels, tuple(range(6)), {}).set_index("label")
    assert dropped["drops_more"]["rare"] and not dropped["moves_more"].any()
