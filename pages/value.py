"""Run a valuation and watch it."""

import streamlit as st

import ui  # noqa: F401  # isort: skip  (before anything of the core: see ui/__init__.py)

from dvgs_core import methods
from dvgs_core.data.encode import EncodingSettings
from dvgs_core.data.schema import Schema
from dvgs_core.settings import fields
from ui import jobs, splits, style, watching
from ui.components import empty, settings_form
from ui.frame import errors_for_people, inside_app
from ui.state import keep, kept, run, schema, split, state

ENCODINGS = {"quantile": "rank to normal", "standard": "standardised", "minmax": "min-max (paper)"}


def page() -> None:
    """Settings above, the run below."""
    heading, button = st.columns([6, 1.8], vertical_alignment="center")
    with heading:
        style.heading(
            "Value",
            "Which rows hurt? Start, watch the ranking settle, then review the lowest rows.",
        )
    roles, chosen = schema(), split()
    found = splits.preview(state.dataset_id, roles, chosen, kept("target_dataset"))
    stored = kept(
        "valuation", {"method": "dvgs", "preset": "auto", "encoding": "quantile", "device": "auto"}
    )
    row = st.columns([1.2, 1.2, 1.2, 1, 1.2], vertical_alignment="bottom")
    names = methods.names(roles.task)
    method = row[0].selectbox(
        "Method",
        names,
        index=names.index(stored["method"]) if stored["method"] in names else 0,
        format_func=lambda name: methods.entry(name).title,
        help="\n".join(f"- **{one.title}**: {one.help}" for one in map(methods.entry, names)),
    )
    presets = {one.name: one for one in methods.entry(method).presets(roles.task)}
    preset = row[1].selectbox(
        "Preset",
        list(presets),
        index=list(presets).index(stored["preset"]) if stored["preset"] in presets else 0,
        format_func=str.capitalize,
        help="Settings to start from; all of them can be changed.\n"
        + "\n".join(f"- **{one.name.capitalize()}**: {one.help}" for one in presets.values()),
        disabled=len(presets) == 1,
    )
    encoding = row[2].selectbox(
        "Numbers are",
        list(ENCODINGS),
        index=list(ENCODINGS).index(stored["encoding"]),
        format_func=ENCODINGS.get,
        help=next(s.help for s in fields(EncodingSettings) if s.name == "numeric"),
    )
    devices = ["auto", "cpu", "cuda"]
    device = row[3].selectbox("Device", devices, index=devices.index(stored["device"]))
    asked = {"method": method, "preset": preset, "encoding": encoding, "device": device}
    if asked != stored:
        keep("valuation", asked)
        st.rerun()  # a box drawn with the old choice would lose the next one
    with row[4].popover("All settings", icon=":material/tune:", width="stretch"):
        values = settings_form(
            methods.entry(method).settings,
            f"settings.{method}.{preset}",
            presets[preset].settings,
            choices=named_columns(method, roles),
        )
    active = run() is not None and run().active
    if button.button(
        f"Value {found.source:,} rows",
        type="primary",
        width="stretch",
        icon=":material/play_arrow:",
        key="value.start",
        help="Queued behind the run that is going on." if active else None,
    ):
        with errors_for_people():
            jobs.start(method, values, seed=chosen.seed, encoding=encoding, device=device)
            st.rerun()
    if run() is None:
        st.info(
            "Similarity traces, values and the lowest rows will appear here, within seconds of "
            "the start.",
            icon=":material/info:",
        )
        return
    watching.show()


def named_columns(method: str, roles: Schema) -> dict[str, list[str]]:
    """For settings that name a column: the columns there are."""
    names = [column.name for column in roles.columns]
    declared = fields(methods.entry(method).settings)
    return {setting.name: names for setting in declared if setting.column}


inside_app()
if state.dataset_id is None:
    style.heading("Value", "Which rows hurt?")
    empty("Values will be computed here, once there is data.", "data", "Bring data")
elif split() is None:
    style.heading("Value", "Which rows hurt?")
    empty("Values need a target: the rows you trust.", "target", "Choose the target")
else:
    with errors_for_people():
        page()
