"""The card of one row: picture, fields, labels and their values, trace, nearest target rows."""

import numpy as np
import pandas as pd
import streamlit as st

from dvgs_core.data.images import pixel_scale, row_image
from dvgs_core.data.schema import Schema
from dvgs_core.review.contrast import ClassContrast
from ui import charts, style
from ui.jobs import RunFiles
from ui.results import Results, class_medians, the_results, truth_of
from ui.state import table, the_dataset_id, the_run, workspace

_FIELDS = 12


def show(found: Results, row: int, decision: str | None) -> None:
    """Everything known about a row, for someone who must decide about it."""
    line = found.values.loc[row]
    frame = table(the_dataset_id()).frame
    image = picture_of(row)
    if image is None:
        facts_of(line, row, decision, len(found.order))
    else:
        picture, words = st.columns([1, 2], vertical_alignment="top")
        picture.image(image, width=130)
        with words:
            facts_of(line, row, decision, len(found.order))
    at = found.position(row)
    if found.label_values is not None and at is not None:
        st.plotly_chart(
            charts.label_values(label_frame(found, row, at)),
            key="review.labels",
            config={"displayModeBar": False},
        )
    trace = RunFiles(the_run().directory).trace()
    if trace is not None and at is not None:
        st.plotly_chart(
            charts.row_trace(trace_frame(found, row, trace[:, at])),
            key="review.trace",
            config={"displayModeBar": False},
        )
    fields(found, row, frame)
    nearest(found, at, frame)


def facts_of(line: pd.Series, row: int, decision: str | None, valued: int) -> None:
    """Id, value, rank, label and suggestion."""
    heading = f"**Row #{row}**"
    if decision:
        heading += f"  ·  {style.plain(decision)}"
    parts = [heading, f"value **{style.number(line['value'])}**"]
    error = line["standard_error"]
    if error == error:
        parts[-1] += f" ± {style.number(error)}"
    parts[-1] += f" · rank {int(line['rank']):,} of {valued:,}"
    if isinstance(line["label"], str):
        parts.append(f"label **{style.shortened(line['label'], 60)}**")
    best = line["suggested_label"]
    if isinstance(best, str) and best != line["label"]:
        margin = style.signed(line["margin"])
        parts.append(f"suggested :violet[**{style.shortened(best, 60)}**] ({margin})")
    elif isinstance(best, str):
        parts.append(":gray[no better label found]")
    st.markdown("  \n".join(parts))
    known_truth(row)


def known_truth(row: int) -> None:
    """For data damaged on purpose: what the row's label was."""
    truth = truth_of(the_dataset_id())
    if truth is None or row not in truth.index:
        return
    line = truth.loc[row]
    if bool(line["corrupted"]):
        original = style.plain(str(line["original_label"]))
        st.caption(f":material/star: known to be wrong: was {original}")
    else:
        st.caption("known to be right")


@st.cache_resource(max_entries=4, show_spinner=False)
def _scale(dataset_id: str, roles_json: str) -> tuple[float, float]:
    return pixel_scale(table(dataset_id).frame, Schema.model_validate_json(roles_json))


def picture_of(row: int):
    """The row's picture, small ones enlarged without blurring; None if it has none."""
    from PIL import Image

    found = the_results(the_run())
    roles = found.schema
    scale = _scale(the_dataset_id(), roles.model_dump_json()) if roles.pixels else None
    folder = workspace().get_setting(the_dataset_id(), "image_folder")
    image = row_image(table(the_dataset_id()).frame, roles, row, base=folder, scale=scale)
    if image is not None and max(image.size) < 130:
        factor = 130 // max(image.size)
        image = image.resize(
            (image.width * factor, image.height * factor), Image.Resampling.NEAREST
        )
    return image


def label_frame(found: Results, row: int, at: int) -> pd.DataFrame:
    """Value under every label: the row's own, the suggested one, and the best of the rest."""
    assert found.label_values is not None
    line = found.values.loc[row]
    frame = pd.DataFrame({"name": found.labels.names, "value": found.label_values[at]})
    frame["kind"] = "other"
    frame.loc[frame["name"] == line["suggested_label"], "kind"] = "suggested"
    frame.loc[frame["name"] == line["label"], "kind"] = "own"
    frame = frame.sort_values("value", ascending=False, kind="stable")
    return pd.concat([frame.head(9), frame[9:].query("kind == 'own'")])


def trace_frame(found: Results, row: int, trace: np.ndarray) -> pd.DataFrame:
    """The row's trace and the median of its class."""
    code = int(found.labels.y[row]) if found.schema.task == "classification" else -1
    medians = class_medians(the_run().id)
    return pd.DataFrame(
        {
            "step": np.arange(len(trace)),
            "row": np.asarray(trace),
            "class_median": medians.get(code, np.full(len(trace), np.nan)),
        }
    )


@st.cache_resource(max_entries=3, show_spinner=False)
def _contrast(dataset_id: str, run_id: int) -> ClassContrast:
    found = the_results(workspace().run(run_id))
    frame = table(dataset_id).frame
    codes = np.full(len(frame), -1)
    if found.schema.task == "classification":
        codes = found.labels.y[: len(frame)]
    return ClassContrast(frame, found.schema, codes)


def fields(found: Results, row: int, frame: pd.DataFrame) -> None:
    """The row's fields, the most unusual for its class first; the others on demand."""
    for column in found.schema.columns:
        if column.role == "feature" and column.kind == "text":
            text = frame[column.name].iloc[row]
            if isinstance(text, str):
                st.markdown(f":gray[{style.shortened(column.name, 40)}]")
                st.text(text[:4000])
    lines = _contrast(the_dataset_id(), the_run().id).row(row)
    if lines.empty:
        return
    config = {
        "field": st.column_config.TextColumn("field", width="medium"),
        "value": st.column_config.TextColumn("this row"),
        "usual": st.column_config.TextColumn("usual in its class"),
        "difference": st.column_config.ProgressColumn(
            "differs",
            min_value=0,
            max_value=3,
            format=" ",
            width="small",
            help="Standard deviations from the class's median, up to 3; for words, how rare.",
        ),
    }
    lines["difference"] = lines["difference"].clip(upper=3)
    shown = lines.head(_FIELDS)
    st.dataframe(
        shown,
        hide_index=True,
        column_config=config,
        key="review.fields",
        height="content" if len(shown) <= 7 else 240,
    )
    if len(lines) > _FIELDS:
        with st.expander(f"All {len(lines)} fields"):
            st.dataframe(lines, hide_index=True, column_config=config, height=320)


def nearest(found: Results, at: int | None, frame: pd.DataFrame) -> None:
    """The three target rows most like this one, with their labels."""
    if found.nearest is None or at is None:
        return
    row = found.ids[at]
    rows = [int(r) for r in found.nearest[at] if r != row and r < len(frame)][:3]
    if not rows:
        return
    st.markdown(":gray[nearest target rows]")
    label = found.schema.label
    for column, near in zip(st.columns(3), rows, strict=False):
        with column:
            image = picture_of(near)
            if image is not None:
                st.image(image, width=64)
            text = f"#{near}"
            if label is not None:
                text += f" · {style.shortened(str(frame[label].iloc[near]), 24)}"
            st.caption(text)
