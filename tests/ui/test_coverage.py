"""Target against source: shares, rows in common, pairs across. Compared with slow loops."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.data.schema import Column, Schema, read_labels
from ui.coverage import FEW_ROWS, coverage, exact_leaks, near_leaks
from ui.names import middle_out
from ui.pictures import class_bars, multiples
from ui.splits import row_text
from ui.target_views import rows_query

ROLES = Schema(
    columns=(Column(name="a"), Column(name="y", role="label", kind="category")),
    task="classification",
)
parts = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["p", "q"]), st.sampled_from([0, 1, 2])),
    min_size=4,
    max_size=25,
)


@given(parts)
def test_rows_in_common_are_those_of_comparing_every_pair(rows):
    frame = pd.DataFrame({"a": [r[0] for r in rows], "y": [r[1] for r in rows]})
    side = np.array([r[2] for r in rows])
    source, target = np.flatnonzero(side == 1), np.flatnonzero(side == 2)
    if not len(target):
        return
    labels, codes = read_labels(frame, ROLES), np.array([r[0] for r in rows])
    found = exact_leaks(codes, labels, ROLES, target, source)
    for row in source:
        twins = [t for t in target if codes[t] == codes[row]]
        assert (row in found.rows) == bool(twins)
    for row, twin, differ in zip(found.rows, found.twins, found.differ, strict=True):
        assert twin == min(t for t in target if codes[t] == codes[row])
        assert differ == (rows[row][1] != rows[twin][1])


@given(parts, st.integers(0, 2**32 - 1))
def test_pairs_across_name_the_source_row_first(rows, seed):
    n, side = len(rows), np.array([r[2] for r in rows])
    codes = np.array([r[0] for r in rows])
    pairs = np.array([(i, j) for i in range(n) for j in range(i + 1, n)])
    pairs = np.random.default_rng(seed).permutation(pairs)[:12]
    source, target = np.flatnonzero(side == 1), np.flatnonzero(side == 2)
    found = near_leaks(pairs, codes, target, source, n)
    expected = [
        (i, j) if side[i] == 1 else (j, i)
        for i, j in pairs.tolist()
        if {side[i], side[j]} == {1, 2} and codes[i] != codes[j]
    ]
    assert list(map(tuple, found.tolist())) == expected


def test_coverage_counts_each_class_and_marks_the_small_ones():
    frame = pd.DataFrame({"a": range(100), "y": ["p"] * 60 + ["q"] * 35 + ["r"] * 5})
    labels = read_labels(frame, ROLES)
    target, source = np.r_[0:20, 60:65], np.r_[20:60, 65:100]
    found = coverage(labels, ROLES, target, source).set_index(["name", "group"])
    assert found.loc[("p", "target"), "rows"] == 20 and found.loc[("p", "target"), "share"] == 0.8
    assert found.loc[("r", "source"), "rows"] == 5 and not found.loc[("p", "target"), "few"]
    small = found.xs("target", level="group")["rows"] < FEW_ROWS
    assert found.xs("target", level="group")["few"].tolist() == small.tolist()


def test_a_quantity_is_compared_by_tenths():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": range(1000), "y": rng.normal(size=1000)})
    roles = ROLES.model_copy(
        update={"columns": (Column(name="a"), Column(name="y", role="label")), "task": "regression"}
    )
    labels = read_labels(frame, roles)
    everything = np.arange(1000)
    found = coverage(labels, roles, everything, everything)
    assert len(found) == 20 and np.allclose(found["share"], 0.1)


def test_names_of_people_stand_in_pictures_as_text_only():
    bad = '"><script>x</script>'
    shares = pd.DataFrame({"name": [bad], "group": ["rows"], "share": [1.0], "rows": [3]})
    bars = pd.DataFrame(
        {"column": [bad], "form": ["category"], "bar": [0], "name": [bad], "rows": [3]}
    )
    columns = pd.DataFrame(
        {"name": [bad], "role": ["feature"], "kind": ["category"], "missing_share": [0.5]}
    )
    for html in (class_bars(shares, first="rows"), multiples(bars, columns)):
        assert "<script" not in html and "&lt;script&gt;" in html


@given(st.text(max_size=60), st.integers(4, 40))
def test_a_long_name_keeps_its_beginning_and_end(text, length):
    short = middle_out(text, length)
    assert len(short) <= max(length, 0) and (short == text) == (len(text) <= length)


@given(st.sets(st.integers(0, 99), min_size=1, max_size=20))
def test_rows_as_a_query_find_the_same_rows(rows):
    from dvgs_core.data.query import matching_rows

    query = rows_query(np.array(sorted(rows)))
    frame = pd.DataFrame({"a": range(100)})
    assert np.flatnonzero(matching_rows(frame, query)).tolist() == sorted(rows)
    assert row_text(tuple(rows))
    assert rows_query(np.arange(0, 200, 2)) is None
