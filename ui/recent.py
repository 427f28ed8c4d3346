"""Datasets of this workspace: open one again, or delete it."""

from datetime import UTC, datetime

import streamlit as st

from dvgs_core.store import Dataset
from ui import style
from ui.decisions import decided
from ui.frame import errors_for_people
from ui.state import open_dataset, workspace

_SHOWN = 8
_WIDTHS = [4, 2, 2, 2, 2, 1.1, 1.1]


def recent() -> None:
    """One line a dataset, the newest first."""
    datasets = workspace().datasets()
    if not datasets:
        return
    st.subheader("In this workspace", anchor=False)
    limit = None
    if len(datasets) > _SHOWN and not st.toggle(f"Show all {len(datasets):,}", key="recent.all"):
        limit = _SHOWN
    with st.container(key="recent", gap="xsmall"):
        for one in datasets[:limit]:
            _line(one)


def _line(one: Dataset) -> None:
    runs, rows = len(workspace().runs(one.id)), decided(one.id)
    name, size, added, run_count, decisions, go, remove = st.columns(
        _WIDTHS, vertical_alignment="center"
    )
    name.markdown(f"**{style.shortened(one.name, 60)}**")
    size.caption(f"{one.rows:,} × {one.columns:,}")
    added.caption(_ago(one.created))
    run_count.caption(style.count(runs, "run"))
    decisions.caption(style.count(rows, "decision"))
    if go.button("Open", key=f"recent.{one.id}", width="stretch"):
        open_dataset(one.id)
        st.rerun()
    with remove.popover(
        "",
        icon=":material/delete:",
        type="tertiary",
        help=f"Delete {style.plain(one.name)}",
        key=f"recent.menu.{one.id}",
    ):
        lost = [style.count(runs, "run")] if runs else []
        st.markdown(
            f"Delete **{style.shortened(one.name, 60)}** from this workspace? Its copy of the file"
            f"{' and ' + lost[0] if lost else ''} and its settings go; the file it came from "
            f"stays. {'Its decisions stay too: the same file finds them again.' if rows else ''}"
        )
        if st.button("Delete", key=f"recent.delete.{one.id}", type="primary"):
            with errors_for_people():
                workspace().delete_dataset(one.id)
                st.toast(f"{style.shortened(one.name, 40)} is deleted.")
                st.rerun()


def _ago(then: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max((datetime.now(UTC) - then).total_seconds(), 0)
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return f"{style.count(int(seconds // length), unit)} ago"
    return "just now"
