"""The Data page: every way of bringing data, what is found in it, and what becomes of it."""

import io

import numpy as np
import pandas as pd
import pytest

from dvgs_core.data import infer_schema
from dvgs_core.engine import look

KIND = "application/octet-stream"


def bring(app, *files: tuple[str, bytes]) -> None:
    """Give several files to the uploader at once."""
    app.tab.file_uploader[0].set_value([(name, data, KIND) for name, data in files])
    app.run()


def saved(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


@pytest.fixture
def repeated() -> pd.DataFrame:
    """60 rows; 57 and 58 repeat row 0, the latter with another label; 59 is nearly row 1."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)).round(3), columns=["a", "b", "c"])
    frame["y"] = np.where(frame["a"] > 0, "yes", "no")
    frame.loc[57] = frame.loc[0]
    frame.loc[58] = frame.loc[0]
    frame.loc[58, "y"] = "no" if frame.loc[0, "y"] == "yes" else "yes"
    frame.loc[59] = frame.loc[1]
    frame.loc[59, "a"] += 0.001
    frame.loc[[3, 4], "b"] = np.nan
    return frame


def test_several_tables_are_stacked_and_the_page_says_from_what(app, repeated):
    bring(app, ("b.csv", csv(repeated[40:])), ("a.csv", csv(repeated[:40])))
    assert "2 tables, stacked in this order: a.csv, b.csv." in app.said
    assert app.space.datasets() == []
    app.press("Open 2 files as one dataset")
    (dataset,) = app.space.datasets()
    assert not app.errors and "a and 1 more file.csv" in app.said
    assert "a.csv (rows 0–39), b.csv (rows 40–59)" in app.said
    pd.testing.assert_frame_equal(app.space.load_table(dataset.id).frame, repeated)


def test_tables_that_do_not_agree_are_refused_in_one_line_and_can_be_taken_back(app, repeated):
    other = repeated.rename(columns={"b": "bee"})
    bring(app, ("a.csv", csv(repeated)), ("b.csv", csv(other)))
    app.press("Open 2 files as one dataset")
    (line,) = app.errors
    assert "'b.csv' has no column 'b', which 'a.csv' has" in line and "agree" in line
    assert app.space.datasets() == []
    bring(app, ("a.csv", csv(repeated)))
    assert not app.errors and "a.csv" in app.said


@pytest.mark.parametrize("labels", ["y.csv", "y.npy"])
def test_embeddings_come_with_their_labels_in_the_same_box(app, labels):
    X = np.random.default_rng(0).normal(size=(60, 5)).astype("float32")
    y = np.where(X[:, 0] > 0, "in", "out")
    data = saved(y) if labels == "y.npy" else csv(pd.DataFrame({"y": y}))
    short = saved(y[:9]) if labels == "y.npy" else csv(pd.DataFrame({"y": y[:9]}))
    bring(app, ("x.npy", saved(X)))
    assert "Embeddings alone" in app.said
    bring(app, ("x.npy", saved(X)), (labels, short))
    plan = {
        "y.csv": "x.npy with the labels of y.csv, row by row",
        "y.npy": "Embeddings with their labels, row by row: x.npy and y.npy",
    }
    assert plan[labels] in app.said
    app.press("Open 2 files as one dataset")
    (line,) = app.errors
    assert "60 rows" in line and "same rows" in line
    bring(app, (labels, data), ("x.npy", saved(X)))
    app.press("Open 2 files as one dataset")
    assert not app.errors
    (dataset,) = app.space.datasets()
    frame = app.space.load_table(dataset.id).frame
    np.testing.assert_allclose(frame.iloc[:, 1:].to_numpy(), X)
    assert frame.iloc[:, 0].tolist() == y.tolist()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["emb.npy", "part1.csv", "part2.csv"], "'emb.npy' holds embeddings, and 3 files came"),
        (["a.npz", "b.npz"], "'a.npz' and 'b.npz' are both embeddings, or both labels"),
    ],
)
def test_files_whose_names_do_not_go_together_are_refused_before_they_can_be_opened(
    app, repeated, names, words
):
    bring(app, *((name, csv(repeated)) for name in names))
    (line,) = app.errors
    assert words in line and "stacked" not in app.said
    assert not [label for label in app.labels if label.startswith("Open")]
    bring(app, ("part1.csv", csv(repeated)))
    assert not app.errors and len(app.space.datasets()) == 1


def test_a_folder_is_opened_only_under_the_root_that_is_set(
    new_app, tmp_path, monkeypatch, repeated
):
    root = tmp_path / "allowed"
    (root / "parts").mkdir(parents=True)
    repeated[:25].to_parquet(root / "parts" / "1.parquet")
    repeated[25:].to_parquet(root / "parts" / "2.parquet")
    repeated.to_parquet(tmp_path / "secret.parquet")

    monkeypatch.delenv("DVGS_ROOT", raising=False)
    app = new_app()
    assert "DVGS_ROOT" in app.said and not app.tab.text_input
    monkeypatch.setenv("DVGS_ROOT", str(root))
    app = new_app()

    def write(path: str) -> None:
        app.tab.text_input(key="upload.path").set_value(path)
        app.run()

    for path in ("../secret.parquet", str(tmp_path / "secret.parquet"), "parts/../../secret"):
        write(path)
        (line,) = app.errors
        assert "outside the folder that may be opened" in line and "Open it" not in app.labels
    write("nowhere")
    assert "There is nothing at 'nowhere'" in app.errors[0]
    write("parts")
    assert not app.errors and "2 files, 60 rows, 4 columns" in app.said
    app.press("Open it")
    (dataset,) = app.space.datasets()
    assert dataset.name == "parts.parquet"
    pd.testing.assert_frame_equal(app.space.load_table(dataset.id).frame, repeated)


def test_recent_data_are_opened_again_or_deleted_after_a_question(app, repeated):
    for name, rows in (("one.csv", 50), ("two.csv", 60)):
        bring(app, (name, csv(repeated[:rows])))
        app.press("Another file")
    assert "In this workspace" in [one.value for one in app.tab.subheader]
    names = {one.name: one.id for one in app.space.datasets()}
    app.tab.button(key=f"recent.{names['one.csv']}").click()
    app.run()
    assert "one.csv" in app.said and "Choose the target" in app.labels
    app.press("Another file")
    assert "the file it came from stays" in app.said
    app.tab.button(key=f"recent.delete.{names['one.csv']}").click()
    app.run()
    assert [one.name for one in app.space.datasets()] == ["two.csv"] and not app.errors


def test_data_of_a_run_that_goes_on_are_not_deleted(app, repeated):
    bring(app, ("one.csv", csv(repeated)))
    (dataset,) = app.space.datasets()
    app.space.create_run(dataset.id, {"method": "dvgs"})
    app.space.claim_next("valuation", 1)
    app.press("Another file")
    app.tab.button(key=f"recent.delete.{dataset.id}").click()
    app.run()
    assert "is going on; stop it" in app.errors[0] and len(app.space.datasets()) == 1


def test_distributions_classes_and_gaps_are_shown(app, repeated):
    bring(app, ("one.csv", csv(repeated)))
    app.pick("data.view", "distributions")
    html = "".join(one.proto.body for one in app.tab.get("html"))
    for name in ("a", "b", "c", "y"):
        assert f'<b dir="auto">{name}</b>' in html
    yes = int((repeated["y"] == "yes").sum())
    assert f"<em>{yes:,}<small>" in html
    assert "numeric · 3.3 % missing" in html and "1 column of 4 have gaps" in app.said
    assert html.count("<i title=") >= 60


def test_equal_rows_conflicts_and_nearly_equal_rows_are_listed(app, repeated):
    bring(app, ("one.csv", csv(repeated)))
    app.pick("data.view", "equal")
    assert "3 rows form 1 group of equal rows; 2 rows could go" in app.said
    assert "3 of them disagree" in app.said and "Comparing rows" in app.said
    shown = app.tab.dataframe[0].value
    assert shown["row"].tolist() == [0, 57, 58] and shown["labels differ"].all()
    app.study("look", look.execute)
    assert "1 pair of rows lie closer" in app.said
    near = app.tab.dataframe[1].value
    assert near["row"].tolist() == [1, 59]


def test_what_the_network_sees_is_what_the_encoder_makes(app, repeated):
    bring(app, ("one.csv", csv(repeated)))
    app.pick("data.view", "network")
    assert "Encoding the columns" in app.said
    app.study("look", look.execute)
    assert "3 columns become 4 inputs; the network answers with one of 2 classes" in app.said
    columns, rows = (one.value for one in app.tab.dataframe)
    assert columns.set_index("column")["inputs"].to_dict() == {"a": 1, "b": 2, "c": 1}
    assert len(rows) == 50 and rows["b is missing"].iloc[:5].tolist() == [0, 0, 0, 1, 1]
    (dataset,) = app.space.datasets()
    roles = infer_schema(app.space.load_table(dataset.id)).with_role("b", "ignore")
    app.space.set_setting(dataset.id, "schema", roles.model_dump(mode="json"))
    app.run()
    app.study("look", look.execute)
    assert "2 columns become 2 inputs" in app.said


def test_an_encoding_that_fails_says_why_and_can_be_tried_again(app, repeated):
    bring(app, ("one.csv", csv(repeated)))
    app.pick("data.view", "network")

    def fails(workspace, study):
        raise MemoryError

    app.study("look", fails)
    assert "memory did not suffice" in app.errors[0]
    app.press("Try again")
    app.study("look", look.execute)
    assert not app.errors and "3 columns become 4 inputs" in app.said


def test_the_view_of_the_data_page_is_kept_when_another_page_was_looked_at(app, repeated):
    bring(app, ("one.csv", csv(repeated)))
    app.pick("data.view", "rows")
    app.go("target")
    app.go("data")
    assert app.tab.segmented_control(key="data.view").value == "rows"
    assert "The first 60 of 60 rows." in app.said
