"""The Corrupt page: a damaged copy with its truth, and the same clean target."""

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data.schema import Schema, read_labels
from dvgs_core.data.split import SplitSettings, draw_splits
from ui import damage, review_map

from .test_pages import start_small


@pytest.fixture
def opened(app):
    """Breast cancer, with a clean target of 30 % and 20 % of holdout."""
    app.go("data")
    app.press("Breast cancer")
    app.go("target")
    (way,) = [r for r in app.tab.radio if r.label == "Which rows do you trust?"]
    way.set_value("share")
    app.run()
    return app


def only_dataset(app):
    (found,) = [d for d in app.space.datasets() if not app.space.get_setting(d.id, damage.FROM)]
    return found


def split_of(app, dataset_id):
    roles = Schema.model_validate(app.space.get_setting(dataset_id, "schema"))
    chosen = SplitSettings.model_validate(app.space.get_setting(dataset_id, "split"))
    frame = app.space.load_table(dataset_id).frame
    return draw_splits(frame, read_labels(frame, roles), roles, chosen)


def test_the_copy_is_damaged_where_the_truth_says_and_nowhere_else(opened):
    original = only_dataset(opened)
    before = opened.space.load_table(original.id).frame
    opened.go("corrupt")
    assert not opened.errors and "Target and holdout rows are never damaged" in opened.said
    opened.press("Use the damaged copy")
    (copy,) = [d for d in opened.space.datasets() if d.id != original.id]
    after, truth = opened.space.load_table(copy.id).frame, opened.space.truth(copy.id)
    changed = (before["diagnosis"] != after["diagnosis"]).to_numpy()
    np.testing.assert_array_equal(changed, truth["corrupted"].to_numpy())
    wrong = truth[truth["corrupted"]]
    assert list(wrong["original_label"]) == list(before.loc[wrong["row"], "diagnosis"])
    pd.testing.assert_frame_equal(
        before.drop(columns="diagnosis"), after.drop(columns="diagnosis"), check_dtype=True
    )
    pd.testing.assert_frame_equal(opened.space.load_table(original.id).frame, before)

    (found,) = split_of(opened, copy.id)
    assert not changed[found.target].any()
    assert changed[found.source].sum() == changed.sum() == round(0.2 * len(found.source))
    roles = Schema.model_validate(opened.space.get_setting(copy.id, "schema"))
    chosen = SplitSettings.model_validate(opened.space.get_setting(original.id, "split"))
    (drawn,) = draw_splits(before, read_labels(before, roles), roles, chosen)
    np.testing.assert_array_equal(found.target, drawn.target)


def test_every_page_says_that_the_data_are_damaged_and_leads_back(opened):
    original = only_dataset(opened)
    opened.go("corrupt")
    opened.press("Use the damaged copy")
    for page in ("data", "target", "corrupt", "value", "review", "export"):
        opened.go(page)
        assert "Damaged on purpose" in opened.said, page
    opened.go("corrupt")
    assert "damaged already" in opened.said
    opened.press("Back to the original")
    assert opened.space.get_setting(None, "dataset") == original.id
    assert "Damaged on purpose" not in opened.said


def test_without_a_kind_there_is_nothing_to_use(opened):
    opened.go("corrupt")
    kinds = next(group for group in opened.tab.button_group if group.key == "corrupt.kinds")
    kinds.set_value([])
    opened.run()
    assert "Choose at least one kind" in opened.said
    assert "Use the damaged copy" not in opened.labels


def test_damage_that_cannot_be_done_is_one_line(app):
    rows = "\n".join(f"{i * 0.37},{'ab'[i % 2]}" for i in range(40))
    app.upload("single.csv", f"size,label\n{rows}\n".encode())
    app.go("corrupt")
    kinds = next(group for group in app.tab.button_group if group.key == "corrupt.kinds")
    kinds.set_value(["Swapped columns"])
    app.run()
    (line,) = app.errors
    assert "\n" not in line and "can be swapped" in line
    assert "Use the damaged copy" not in app.labels


def test_what_was_chosen_is_told_in_words():
    said = damage.words({"label_rate": 0.2, "feature_noise": 3.0, "swap_rate": 0.1})
    assert said == (
        "20 % of the labels replaced, noise up to 3 SD, columns swapped in 10 % of the rows"
    )


def test_review_says_what_was_done_to_a_row_and_the_map_crosses_it(opened, monkeypatch):
    drawn = {}
    monkeypatch.setattr(review_map, "linked_map", lambda *of, **how: drawn.update(how))
    opened.go("corrupt")
    kinds = next(group for group in opened.tab.button_group if group.key == "corrupt.kinds")
    kinds.set_value(["Swapped columns", "Noise"])
    opened.run()
    opened.press("Use the damaged copy")
    start_small(opened)
    run = opened.work()
    truth = opened.space.truth(run.dataset).set_index("row")
    harmed = truth.index[truth["corrupted"]]
    opened.go("review")
    assert np.array_equal(drawn["stars"], harmed) and len(harmed)
    for row, said in (
        (int(harmed[0]), "damaged on purpose: columns swapped, noise"),
        (int(truth.index[truth["kind"] == "noise"][0]), "noise added on purpose, nothing else"),
    ):
        opened.tab.session_state["state.cursor"] = row
        opened.run()
        assert f"Row #{row}" in opened.said and said in opened.said
        assert "its label was" not in opened.said and "known to be" not in opened.said
    assert "are damaged (AUROC" in opened.said and "truly wrong" not in opened.said
    hover = {field.name: field for field in drawn["hover"].fields}["damage"]
    assert hover.texts[hover.cells[harmed[0]]] == "columns swapped, noise"
