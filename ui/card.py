"""The card of one row: picture, fields, labels and their values, trace, rows alike, history."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data.wording import number, signed
from dvgs_core.review.contrast import ClassContrast
from dvgs_core.review.decisions import Entry
from dvgs_core.review.words import ClassWords
from dvgs_core.store import Run
from ui import alike, bulk, row_pictures, style, truth
from ui.decisions import decision_log
from ui.jobs import RunFiles
from ui.names import told_apart
from ui.pictures_of_rows import picture_of
from ui.results import Results, class_medians, the_results, truth_of
from ui.state import table, the_dataset_id, the_run, workspace

_FIELDS = 12
_HISTORY = 6
_PAIRS = 100


def show(found: Results, row: int, decision: str | None) -> None:
    """Everything known about a row, for someone who must decide about it."""
    image = picture_of(the_run().id, row)
    if image is None:
        facts_of(found, row, decision)
    else:
        picture, words = st.columns([1, 1.3], vertical_alignment="top")
        picture.image(image, width=176)
        with words:
            facts_of(found, row, decision)
    texts(found, row)
    at = found.position(row)
    if found.label_values is not None and at is not None:
        st.html(row_pictures.label_values(label_frame(found, row, at)))
    fields(row)
    trace = RunFiles(the_run().directory).trace()
    if trace is not None and at is not None:
        usual = class_medians(the_run().id).get(int(found.codes[row]), np.full(len(trace), np.nan))
        usual_words = "median of its class" if found.schema.task == "classification" else "median"
        own = np.asarray(trace[:, at])
        st.html(row_pictures.trace(own, usual, usual_words, dark=style.dark()))
    alike.show(found, row)
    history(row)


def prepare(run: Run) -> None:
    """Make what the card of a run's lowest row shows, and with it most of what others do."""
    class_medians(run.id)
    for row in the_results(run).order[:1].tolist():
        _contrast(run.id).row(row)
        alike.alike(run.id, row)


def show_many(found: Results, rows: NDArray[np.int64]) -> None:
    """What is selected: how many rows of each label, and what is suggested for them."""
    lines = found.values.loc[rows]
    low, high = lines["value"].min(), lines["value"].max()
    st.markdown(f"**{len(rows):,} rows selected**  \nvalues {number(low)} to {number(high)}")
    st.caption("The keys decide about all of them at once, as one action that Z undoes.")
    # of classes alone, which is quick; the dialog of many rows counts every group
    effects = bulk.effects_of(the_run().id, rows.tobytes(), "relabel")
    if effects:
        bulk.warn_of_losses(found, effects, rows)
    suggested = lines["suggested_label"].where(lines["suggested_label"] != lines["label"])
    pairs = pd.DataFrame({"label": lines["label"], "suggested": suggested})
    counts = pairs.fillna("–").value_counts().rename("rows").reset_index().head(_PAIRS)
    short = told_apart(found.labels.names, 16)
    st.dataframe(
        counts.replace({"label": short, "suggested": short}),
        hide_index=True,
        column_config={
            "suggested": st.column_config.TextColumn(
                "suggested", help="Another label that fits better; – where there is none."
            ),
            "rows": st.column_config.NumberColumn("rows", format="localized", width=70),
        },
    )


def facts_of(found: Results, row: int, decision: str | None) -> None:
    """Id, value, rank, label and suggestion."""
    line = found.values.loc[row]
    heading = f"**Row #{row}**"
    if decision:
        heading += f"  ·  {style.plain(decision)}"
    parts = [heading, f"value **{number(line['value'])}**"]
    error = line["standard_error"]
    if error == error:
        parts[-1] += f" ± {number(error)}"
    if pd.notna(line["rank"]):
        parts.append(f"rank {int(line['rank']):,} of {len(found.order):,}")
    if isinstance(line["label"], str):
        parts.append(f"label **{style.shortened(line['label'], 60)}**{_label_before(found, row)}")
    best = line["suggested_label"]
    if isinstance(best, str) and best != line["label"]:
        margin = signed(line["margin"])
        parts.append(f"suggested :violet[**{style.shortened(best, 60)}**] ({margin})")
    elif isinstance(best, str):
        parts.append(":gray[no better label found]")
    st.markdown("  \n".join(parts))
    known_truth(row)


def _label_before(found: Results, row: int) -> str:
    """For a run on corrected data: the label that the file has."""
    code = int(found.labels.y[row]) if found.schema.task == "classification" else -1
    if code < 0 or code == found.codes[row]:
        return ""
    return f" :gray[(in the file: {style.shortened(found.labels.names[code], 40)})]"


def known_truth(row: int) -> None:
    """For data damaged on purpose: what was done to it; starred if the map crosses it."""
    known = truth_of(the_dataset_id())
    if known is None or row not in known.index:
        return
    star = ":material/star: " if known.at[row, "corrupted"] else ""
    st.caption(star + "  \n".join(style.plain(line) for line in truth.told(known, row)))


def label_frame(found: Results, row: int, at: int) -> pd.DataFrame:
    """Value under every label: the row's own, the suggested one, and the best of the rest."""
    assert found.label_values is not None
    line = found.values.loc[row]
    values = found.label_values[at]
    frame = pd.DataFrame({"name": found.labels.names, "value": values})
    frame["place"] = found.scale.place(values)
    frame["kind"] = "other"
    frame.loc[frame["name"] == line["suggested_label"], "kind"] = "suggested"
    frame.loc[frame["name"] == line["label"], "kind"] = "own"
    frame = frame.sort_values("value", ascending=False, kind="stable")
    return pd.concat([frame.head(9), frame[9:].query("kind == 'own'")])


@st.cache_resource(max_entries=3, show_spinner=False)
def _contrast(run_id: int) -> ClassContrast:
    run = workspace().run(run_id)
    found = the_results(run)
    return ClassContrast(table(run.dataset).frame, found.schema, found.codes)


@st.cache_resource(max_entries=6, show_spinner=False)
def _words(run_id: int, column: str) -> ClassWords:
    run = workspace().run(run_id)
    return ClassWords(table(run.dataset).frame[column], the_results(run).codes)


def texts(found: Results, row: int) -> None:
    """Columns of free text in full, with the words that are more usual in other classes marked."""
    for column in found.schema.columns:
        if column.role == "feature" and column.kind == "text":
            pieces = _words(the_run().id, column.name).pieces(row)
            if pieces:
                st.html(row_pictures.text(column.name, pieces))


def fields(row: int) -> None:
    """The row's fields, the most unusual for its class first; the others on demand.

    Texts stand above in full.
    """
    lines = _contrast(the_run().id).row(row)
    if lines.empty:
        return
    st.html(row_pictures.fields(lines.head(_FIELDS)))
    if len(lines) > _FIELDS:
        words = f"{len(lines) - _FIELDS:,} more fields"
        with st.expander(words, key="card.more_fields", on_change="rerun") as more:
            if more.open:  # a hundred lines that few look at cost each decision a tenth of a second
                st.html(row_pictures.fields(lines[_FIELDS:]))


def history(row: int) -> None:
    """What was decided about the row before, by whom, when and why."""
    entries = decision_log(the_dataset_id()).history(row)
    if not entries:
        return
    st.markdown(":gray[Earlier decisions]")
    lines = [_entry(entry) for entry in entries[:_HISTORY]]
    if len(entries) > _HISTORY:
        lines.append(f"and {len(entries) - _HISTORY:,} before")
    st.caption("  \n".join(lines))


def _entry(entry: Entry) -> str:
    what = f"→ {style.shortened(str(entry.label), 40)}" if entry.label is not None else ""
    parts = [what or entry.decision]
    if entry.rows > 1:
        parts[0] += f" (with {entry.rows - 1:,} others)"
    if entry.reviewer:
        parts.append(style.shortened(entry.reviewer, 40))
    parts.append(f"{entry.at:%d %b %Y, %H:%M} UTC")
    if entry.note:
        parts.append(f"“{style.shortened(entry.note, 200)}”")
    words = " · ".join(parts)
    return f"~~{words}~~ taken back" if entry.undone else words
