"""The Target page: each way of choosing, and what it says at once about the choice."""

import datetime

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dvgs_core.data.query import matching_rows
from dvgs_core.data.split import SplitSettings
from dvgs_core.engine import look, sensitivity
from ui import splits, target_map

from .conftest import ROOT
from .test_data import bring, csv
from .test_pages import lowest_rows, start_small

TINY = {"restarts": 1, "max_steps": 8, "width": 8, "suggest": False}


@pytest.fixture
def people() -> pd.DataFrame:
    """300 rows with columns of every kind and gaps."""
    rng = np.random.default_rng(1)
    n = 300
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "height": rng.normal(1.7, 0.1, n).round(3),
            "work place": rng.choice(["home", "office", "road", None], n),
            "member": rng.choice([True, False], n),
            "since": pd.date_range("2020-01-01", periods=n).strftime("%Y-%m-%d"),
            "note": rng.choice(["pays late", "pays early", "never seen"], n),
        }
    )
    frame["y"] = np.where(frame["age"] + rng.normal(0, 9, n) > 45, "yes", "no")
    return frame


@pytest.fixture
def at_target(app, people):
    """The Target page of these data, the first look done."""
    bring(app, ("people.csv", csv(people)))
    app.go("target")
    app.study("look", look.execute)
    return app


def way(app, name: str) -> None:
    app.tab.radio(key="target.way").set_value(name)
    app.run()


def chosen(app) -> SplitSettings:
    (dataset,) = [one for one in app.space.datasets() if one.name == "people.csv"]
    return SplitSettings.model_validate(app.space.get_setting(dataset.id, "split"))


def value_of(app, kind: str, key: str, value) -> None:
    getattr(app.tab, kind)(key=key).set_value(value)
    app.run()


def condition(app, number: int, column: str, operator: str) -> str:
    """Choose column and operator of a condition; the key of its value."""
    key = f"target.condition.{number}"
    value_of(app, "selectbox", f"{key}.column", column)
    value_of(app, "selectbox", f"{key}.{column}.operator", operator)
    return f"{key}.{column}.{operator}"


def code(app) -> str:
    return app.tab.code[0].value


def test_every_row_takes_its_turn_unless_something_else_is_chosen(at_target):
    assert "180 target rows · 300 source rows" in at_target.said
    value_of(at_target, "number_input", "target.rotations", 3)
    assert chosen(at_target).rotations == 3 and "270 target rows" in at_target.said


def test_random_rows_keep_the_proportions_of_the_classes(at_target, people):
    way(at_target, "share")
    assert "90 target rows · 210 source rows" in at_target.said
    value_of(at_target, "number_input", "target.number.share", 40)
    assert chosen(at_target).target_size == 40 and chosen(at_target).rotations == 1
    assert "40 target rows · 260 source rows" in at_target.said
    assert "the classes in the source's proportion" in at_target.said


def conditions(people) -> list[tuple]:
    """column, operator, kind of widget, values, query, the rows."""
    work = people["work place"]
    first, last = datetime.date(2020, 3, 1), datetime.date(2020, 4, 1)
    return [
        ("age", "at least", "number_input", [50], "age >= 50", people["age"] >= 50),
        (
            "age",
            "is one of",
            "multiselect",
            [40, 41],
            "age in [40, 41]",
            people["age"].isin([40, 41]),
        ),
        (
            "height",
            "between",
            "number_input",
            [1.6, 1.7],
            "1.6 <= height <= 1.7",
            people["height"].between(1.6, 1.7),
        ),
        (
            "work place",
            "is one of",
            "multiselect",
            ["home", "road"],
            "`work place` in ['home', 'road']",
            work.isin(["home", "road"]),
        ),
        ("work place", "is missing", None, [], "`work place`.isnull()", work.isna()),
        ("member", "is false", None, [], "member == False", ~people["member"]),
        (
            "note",
            "contains",
            "text_input",
            ["late"],
            "'late' in note",
            people["note"] == "pays late",
        ),
        (
            "since",
            "between",
            "date_input",
            [first, last],
            "'2020-03-01' <= since < '2020-04-02'",
            people["since"].between("2020-03-01", "2020-04-01"),
        ),
    ]


def test_conditions_of_every_kind_are_chosen_without_writing(at_target, people):
    way(at_target, "query")
    assert "Choose a condition with a value" in at_target.said and not at_target.errors
    for column, operator, kind, values, query, rows in conditions(people):
        key = condition(at_target, 0, column, operator)
        if kind == "multiselect":
            value_of(at_target, kind, key, values)
        elif kind == "text_input":
            value_of(at_target, kind, key, values[0])
        else:
            for i, value in enumerate(values):
                value_of(at_target, kind, f"{key}.{i}", value)
        assert not at_target.errors and code(at_target) == query
        assert f"**{int(rows.sum())}** of 300 rows match" in at_target.said
        assert chosen(at_target).target_query == query
        np.testing.assert_array_equal(matching_rows(people, query), rows.to_numpy())


def test_several_conditions_are_joined_removed_and_kept_over_pages(at_target, people):
    way(at_target, "query")
    value_of(at_target, "number_input", condition(at_target, 0, "age", "at least") + ".0", 60)
    at_target.press("Add a condition")
    assert code(at_target) == "age >= 60"  # a condition without a value waits
    value_of(at_target, "multiselect", condition(at_target, 1, "note", "is one of"), ["pays late"])
    assert code(at_target) == "age >= 60 and note in ['pays late']"
    at_target.pick("target.join", "any")
    assert code(at_target) == "age >= 60 or note in ['pays late']"
    expected = ((people["age"] >= 60) | (people["note"] == "pays late")).sum()
    assert f"**{expected}** of 300 rows match" in at_target.said

    at_target.go("data")
    at_target.go("target")
    assert code(at_target) == "age >= 60 or note in ['pays late']"
    at_target.tab.button(key="target.condition.0.remove").click()
    at_target.run()
    assert code(at_target) == "note in ['pays late']" and chosen(at_target).target_query == code(
        at_target
    )


def test_a_range_of_days_takes_both_days_whole_and_is_found_again(app):
    times = pd.date_range("2020-01-01", periods=744, freq="h")
    frame = pd.DataFrame({"at": times.strftime("%Y-%m-%d %H:%M"), "a": np.arange(744.0)})
    frame["y"] = ["no", "yes"] * 372
    app.upload("hours.csv", csv(frame))
    app.go("target")
    way(app, "query")
    key = condition(app, 0, "at", "between")
    days = datetime.date(2020, 1, 5), datetime.date(2020, 1, 20)
    for i, day in enumerate(days):
        value_of(app, "date_input", f"{key}.{i}", day)
    assert "**384** of 744 rows match" in app.said and "384 target rows" in app.said
    app.go("data")
    app.go("target")
    assert [app.tab.date_input(key=f"{key}.{i}").value for i in (0, 1)] == list(days)
    assert code(app) == "'2020-01-05' <= at < '2020-01-21'"


def test_a_column_with_days_that_are_none_can_be_asked(app):
    frame = pd.DataFrame({"day": ["2020-01-01", "0000-00-00"] * 30, "a": np.arange(60.0)})
    frame["y"] = ["no", "yes", "yes", "no"] * 15
    app.upload("days.csv", csv(frame))
    app.go("target")
    way(app, "query")
    value_of(app, "multiselect", condition(app, 0, "day", "is one of"), ["0000-00-00"])
    assert "30 target rows" in app.said and not app.errors


def test_conditions_survive_a_restart(new_app, people):
    app = new_app()
    bring(app, ("people.csv", csv(people)))
    app.go("target")
    way(app, "query")
    value_of(app, "number_input", condition(app, 0, "age", "at least") + ".0", 60)
    again = new_app()
    again.go("target")
    assert again.tab.radio(key="target.way").value == "query"
    assert code(again) == "age >= 60" and not again.errors


def test_a_written_query_that_does_not_work_is_one_line(app, bad_files):
    app.upload("good.csv", bad_files["good.csv"])
    app.go("target")
    way(app, "query")
    app.pick("target.mode", "write")
    for query, words in (
        ("a > 100", ["target is empty", "'a > 100' matches none of the 200 rows", "change"]),
        ("a >", ["'a >'", "cannot be read"]),
        ("age > 3", ["'age'"]),
        ("a > 0", ["all of the class 'yes'", "two classes"]),
    ):
        value_of(app, "text_input", "target.query", query)
        (line,) = app.errors
        assert all(word in line for word in words)
        assert not [label for label in app.labels if label.startswith("Value ")]
    value_of(app, "text_input", "target.query", "b > 0")
    assert not app.errors
    frame = app.space.load_table(app.space.datasets()[0].id).frame
    wanted = int((frame["b"] > 0).sum())
    assert f"{wanted:,} target rows · {200 - wanted:,} source rows" in app.said


def test_groups_give_equally_many_rows(at_target, people):
    way(at_target, "balanced")
    assert "Choose the column" in at_target.said
    value_of(at_target, "selectbox", "target.balance_by", "note")
    value_of(at_target, "number_input", "target.number.balanced", 30)
    assert "30 target rows · 270 source rows" in at_target.said
    at_target.pick("target.view", "rows")
    shown = at_target.tab.dataframe[0].value
    assert shown["note"].value_counts().tolist() == [10, 10, 10]


def test_groups_are_balanced_without_a_number_and_without_the_condition_of_another_way(
    at_target, people
):
    way(at_target, "query")
    value_of(at_target, "number_input", condition(at_target, 0, "age", "at least") + ".0", 50)
    way(at_target, "balanced")
    assert at_target.tab.text_input(key="target.balance_query").value == ""
    value_of(at_target, "selectbox", "target.balance_by", "note")
    assert chosen(at_target).target_query == "" and chosen(at_target).target_size is None
    assert "90 target rows" in at_target.said
    assert "30 rows from each of 3 groups of note" in at_target.said

    old = people[people["age"] >= 50]
    value_of(at_target, "text_input", "target.balance_query", "age >= 50")
    assert f"{round(0.3 * len(old))} target rows" in at_target.said
    at_target.pick("target.view", "rows")
    shown = at_target.tab.dataframe[0].value
    numbers = shown["note"].value_counts()
    assert (shown["age"] >= 50).all() and len(numbers) == 3 and numbers.max() - numbers.min() <= 1

    way(at_target, "query")
    assert code(at_target) == "age >= 50"  # and what each way was told is still there
    way(at_target, "balanced")
    assert chosen(at_target).target_query == "age >= 50"
    assert at_target.tab.text_input(key="target.balance_query").value == "age >= 50"


def test_a_written_condition_is_still_there_after_another_way(at_target):
    way(at_target, "query")
    at_target.pick("target.mode", "write")
    value_of(at_target, "text_input", "target.query", "age > 60")
    way(at_target, "balanced")
    value_of(at_target, "selectbox", "target.balance_by", "note")
    assert chosen(at_target).target_query == ""
    way(at_target, "query")
    assert chosen(at_target).target_query == "age > 60"


def test_groups_too_small_to_give_as_many_are_named(app):
    frame = pd.DataFrame({"a": np.arange(120.0), "of": ["p"] * 60 + ["q"] * 55 + ["r"] * 5})
    frame["y"] = ["no", "yes"] * 60
    app.upload("groups.csv", csv(frame))
    app.go("target")
    way(app, "balanced")
    value_of(app, "selectbox", "target.balance_by", "of")
    assert "15 or 16 rows from each of 2 groups of of" in app.said
    (warning,) = [one.value.replace("\\", "") for one in app.tab.warning if "Groups" in one.value]
    assert warning == (
        "Groups with fewer rows give all they have: r (5). Up to 15 rows in all, each group "
        "gives as many."
    )
    value_of(app, "number_input", "target.number.balanced", 15)
    assert "5 rows from each of 3 groups of of" in app.said
    assert not [one for one in app.tab.warning if "Groups" in one.value]


def test_rows_that_are_listed_are_the_target(app, bad_files):
    app.upload("good.csv", bad_files["good.csv"])
    app.go("target")
    way(app, "rows")
    assert "List the row ids" in app.said and not app.errors
    for text, word in (
        ("12, x", "'x' is neither"),
        ("²", "'²' is neither"),
        ("5-3", "'5-3' runs backwards"),
        ("190-210", "'190-210' goes beyond the table, whose rows are 0 to 199"),
        ("0-4000000000", "rows are 0 to 199"),
    ):
        value_of(app, "text_area", "target.rows", text)
        (line,) = app.errors
        assert word in line
    value_of(app, "text_area", "target.rows", "12, 40-60")
    assert not app.errors and "22 target rows · 178 source rows" in app.said
    app.pick("target.view", "line")
    line = app.tab.code[0].value
    assert "--target-query 'index == 12 or 40 <= index <= 60'" in line


def test_a_file_of_trusted_rows_is_the_target(app, bad_files):
    app.upload("good.csv", bad_files["good.csv"])
    app.go("target")
    way(app, "file")
    assert "Upload the file" in app.said and not app.errors
    app.upload("open quote.csv", b'a,b,y\n1,2,no\n3,"4,yes\n5,6,no\n')
    (line,) = app.errors
    assert "'open quote.csv' opens a quote in row 2 below the column names" in line
    app.upload("no label.csv", bad_files["no label.csv"])
    (line,) = app.errors
    assert "no label.csv lacks 'y'" in line
    app.upload("mixed.csv", bad_files["mixed.csv"])
    (line,) = app.errors
    assert "mixed.csv the column 'b' holds text, in the data numbers" in line
    app.upload("trusted.csv", bad_files["infinite.csv"].replace(b"inf", b"0.5"))
    assert not app.errors and "In use: trusted.csv, 200 rows" in app.said
    app.pick("target.view", "common")
    assert "198 source rows of 200 equal a target row" in app.said
    app.pick("target.view", "line")
    assert "--target-file trusted.csv" in app.tab.code[0].value
    start_small(app)
    run = app.work()
    assert run.status == "done"
    assert lowest_rows(run)["role"].tolist() == ["source"] * 200
    app.go("review")
    app.go("export")
    assert not app.errors


def draw(app, corners, number: int) -> None:
    """A lasso as the browser reports it."""
    (dataset,) = app.space.datasets()
    roles = app.space.get_setting(dataset.id, "schema")
    assert roles is None
    study = app.space.study(dataset.id, "look", _look_job(app, dataset))
    points = target_map.MapPoints.of(np.load(study.directory / "layout.npy"))
    view = {"version": points.version, "polygon": corners, "lasso": number, "click": 0}
    app.tab.session_state[target_map.KEY] = {"view": view}
    app.run()


def _look_job(app, dataset):
    from dvgs_core.data import EncodingSettings, infer_schema

    return look.look_job(infer_schema(app.space.load_table(dataset.id)), EncodingSettings())


def box(xy, rows) -> list[list[float]]:
    """Corners of a rectangle around some rows."""
    low, high = xy[rows].min(axis=0) - 1e-3, xy[rows].max(axis=0) + 1e-3
    return [[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]]


def test_a_lasso_on_the_map_is_the_target(at_target):
    app = at_target
    way(app, "lasso")
    assert "Draw a lasso around the rows you trust" in app.said
    (dataset,) = app.space.datasets()
    directory = app.space.study(dataset.id, "look", _look_job(app, dataset)).directory
    xy = np.load(directory / "layout.npy").astype(float)
    left, right = xy[:, 0] < np.quantile(xy[:, 0], 0.3), xy[:, 0] > np.quantile(xy[:, 0], 0.8)
    draw(app, box(xy, left), 1)
    assert chosen(app).target_rows == tuple(np.flatnonzero(left))
    assert f"{left.sum()} target rows" in app.said

    app.pick("target.lasso_mode", "add")
    draw(app, box(xy, right), 2)
    assert chosen(app).target_rows == tuple(np.flatnonzero(left | right))
    app.pick("target.lasso_mode", "remove")
    draw(app, box(xy, left), 3)
    assert chosen(app).target_rows == tuple(np.flatnonzero(right))
    draw(app, box(xy, left), 3)  # told again by the browser: counts once
    assert chosen(app).target_rows == tuple(np.flatnonzero(right))

    value_of(app, "number_input", "target.number.lasso", 20)
    assert len(chosen(app).target_rows) == 20
    assert set(chosen(app).target_rows) <= set(np.flatnonzero(right).tolist())
    app.press("Clear")
    assert "Draw a lasso" in app.said and "**0 rows** circled" in app.said


def test_the_map_is_waited_for_where_it_is_not_there_yet(app, people):
    bring(app, ("people.csv", csv(people)))
    app.go("target")
    way(app, "lasso")
    assert "The map is being computed" in app.said and not app.errors
    app.study("look", look.execute)
    assert "PCA of 300 rows" in app.said
    # every kind of column can colour it
    for column in app.tab.selectbox(key="target.colour").options:
        assert column.startswith("colour: ")
    for column in ("work place", "member", "note", "y"):
        value_of(app, "selectbox", "target.colour", column)
        assert not app.errors


def foot() -> str:
    """The sidebar's line on the target: in a new tab, as a page switched to has no frame here."""
    tab = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    links = [link.proto.label.replace("\\", "") for link in tab.sidebar.get("page_link")]
    return next(link for link in links if link.startswith("target "))


def test_the_sidebar_names_the_target_in_use_while_another_is_not_finished(at_target):
    way(at_target, "query")
    value_of(at_target, "number_input", condition(at_target, 0, "age", "at least") + ".0", 50)
    assert foot() == "target age >= 50"
    for unfinished in ("rows", "lasso", "balanced", "file"):
        way(at_target, unfinished)
        assert not [label for label in at_target.labels if label.startswith("Value ")]
        assert foot() == "target age >= 50"
    way(at_target, "rows")
    value_of(at_target, "text_area", "target.rows", "0-49")
    assert foot() == "target 50 chosen rows"
    way(at_target, "balanced")
    assert foot() == "target 50 chosen rows"
    value_of(at_target, "selectbox", "target.balance_by", "note")
    assert foot() == "target balanced by note"
    way(at_target, "query")
    value_of(at_target, "number_input", "target.condition.0.age.at least.0", 900)
    assert at_target.errors and foot() == "target age >= 50"


def test_absent_and_small_classes_are_told(app):
    frame = pd.DataFrame({"a": np.arange(120.0), "y": ["p"] * 50 + ["q"] * 40 + ["r"] * 30})
    app.upload("three.csv", csv(frame))
    app.go("target")
    way(app, "rows")
    value_of(app, "text_area", "target.rows", "0-20 50-54")
    warnings = "\n".join(one.value for one in app.tab.warning).replace("\\", "")
    assert "The target has no row of r: such rows will look harmful." in warnings
    assert "fewer than 10 rows of q (5)" in warnings
    value_of(app, "text_area", "target.rows", "0-20 50-70 90-110")
    assert not app.tab.warning


def test_a_source_row_that_equals_a_target_row_but_for_the_label_is_told(app):
    rng = np.random.default_rng(0)
    names = list("abcde")
    frame = pd.DataFrame(rng.normal(size=(80, 5)), columns=names)
    frame["y"] = ["no", "yes"] * 40
    frame.loc[70, names] = frame.loc[1, names]  # another label
    frame.loc[71, names] = frame.loc[3, names]  # the same label
    frame.loc[72, names] = frame.loc[5, names] + 1e-4  # nearly
    app.upload("copies.csv", csv(frame))
    app.go("target")
    way(app, "rows")
    value_of(app, "text_area", "target.rows", "0-29")
    (warning,) = app.tab.warning
    assert "1 source row equals a target row but for the label" in warning.value.replace("\\", "")
    app.pick("target.view", "common")
    assert "2 source rows of 50 equal a target row in all features, 1 of them" in app.said
    assert "Looking for rows that are nearly the same" in app.said
    app.study("look", look.execute)
    assert "a target row that are nearly the same: 1 (closer than" in app.said
    shown = app.tab.dataframe[0].value
    assert shown[["source row", "target row"]].to_numpy().tolist() == [[70, 1], [71, 3], [72, 5]]
    assert shown["how"].tolist() == ["equal", "equal", "nearly"]


def test_would_another_target_change_the_ranking(at_target, monkeypatch):
    monkeypatch.setattr(sensitivity, "SETTINGS", TINY)
    app = at_target
    way(app, "share")
    app.pick("target.view", "other")
    app.press("Would the ranking change with another target?")
    assert "waiting for its worker" in app.tab.get("progress")[0].proto.text
    app.study("sensitivity", sensitivity.execute)
    assert not app.errors and "rank correlation" in app.said and "other draws" in app.said
    pairs, rows = (one.value for one in app.tab.dataframe)
    assert len(pairs) == 6 and pairs["spearman"].between(-1, 1).all()
    assert set(rows["row"]) <= set(range(300))
    # another choice is another question
    value_of(app, "number_input", "target.number.share", 50)
    assert "Would the ranking change with another target?" in app.labels


def test_a_fixed_target_is_halved_and_one_too_small_says_so(at_target, monkeypatch):
    monkeypatch.setattr(sensitivity, "SETTINGS", TINY)
    app = at_target
    way(app, "rows")
    for rows, words in (("0-6", "too few to be halved"), ("0-99", "random halves")):
        value_of(app, "text_area", "target.rows", rows)
        app.pick("target.view", "other")
        app.press("Would the ranking change with another target?")
        app.study("sensitivity", sensitivity.execute)
        assert words in "\n".join([app.said, *app.errors])


def test_every_way_is_found_again_after_other_pages(at_target):
    for name in splits.WAYS:
        way(at_target, name)
        at_target.go("data")
        at_target.go("target")
        assert at_target.tab.radio(key="target.way").value == name and not at_target.errors
