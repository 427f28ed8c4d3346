"""Would the ranking change with another target? Asked with one click, answered in one sentence."""

import json
from typing import Any

import pandas as pd
import streamlit as st

from dvgs_core.data.schema import Schema
from dvgs_core.data.split import SplitSettings
from dvgs_core.engine.sensitivity import DRAWS, MOST_ROWS, STARTS, sensitivity_job
from dvgs_core.store import Study
from ui import style
from ui.dialogs import rerun_when_free
from ui.state import the_dataset_id, workspace
from ui.studies import encoding_settings


def sensitivity_view(roles: Schema, chosen: SplitSettings, target_dataset: str | None) -> None:
    """The question, what is being computed, or the answer."""
    job = sensitivity_job(roles, encoding_settings(), chosen, target_dataset)
    study = workspace().study(the_dataset_id(), "sensitivity", job)
    with st.container(key="sensitivity", gap="small"):
        if study is not None and study.active:
            _running(study)
        elif study is not None and study.status == "done":
            _answer(study)
        else:
            _question(study, job)


def _question(study: Study | None, job: dict[str, Any]) -> None:
    if study is not None and study.status == "failed":
        st.error(style.plain(study.message), icon=":material/error:")
    st.caption(
        f"{DRAWS} targets chosen like this one, each valued quickly on up to {MOST_ROWS:,} source "
        "rows, and this one again from other starts: if rankings differ no more than by their "
        "start, it matters little which rows were drawn."
    )
    if st.button(
        "Would the ranking change with another target?",
        icon=":material/shuffle:",
        key="target.sensitivity",
    ):
        workspace().request_study(the_dataset_id(), "sensitivity", job)
        st.rerun()


def _running(study: Study) -> None:
    # ticks only while it runs: a tick that meets a click can swallow it
    @st.fragment(run_every=1.0)
    def tick() -> None:
        now = workspace().study(study.dataset, "sensitivity", study.job)
        if now is None or not now.active:
            rerun_when_free()
            return
        done, total = now.step or 0, now.total or DRAWS + STARTS - 1
        words = "waiting for its worker" if now.status == "queued" else f"{done} / {total} rankings"
        st.progress(done / total, text=words)

    tick()
    if st.button("Stop", icon=":material/stop:", key="target.sensitivity_stop"):
        workspace().request_stop(study.id)
        st.rerun()


def _answer(study: Study) -> None:
    found = json.loads((study.directory / "result.json").read_text(encoding="utf-8"))
    pairs = pd.read_parquet(study.directory / "pairs.parquet")
    st.markdown(f"**{style.plain(found['conclusion'])}**")
    how = (
        "other draws in the same manner"
        if found["how"] == "drawn"
        else "random halves of the rows you chose"
    )
    st.caption(
        f"{found['targets']} targets ({how}) from one start, {found['starts']} starts of one "
        f"target; the same {found['rows']:,} source rows."
    )
    left, right = st.columns(2)
    left.caption("Every two targets")
    left.dataframe(
        pairs.assign(pair=pairs["a"] + " and " + pairs["b"].str.removeprefix("draw "))[
            ["pair", "spearman", "overlap"]
        ],
        hide_index=True,
        height=min(38 + 35 * len(pairs), 300),
        column_config={
            "pair": st.column_config.TextColumn("targets"),
            "spearman": st.column_config.NumberColumn("rank correlation", format="%.2f"),
            "overlap": st.column_config.ProgressColumn(
                "lowest 5 % shared", format="percent", min_value=0, max_value=1
            ),
        },
    )
    rows = pd.read_parquet(study.directory / "rows.parquet").head(50)
    shares = ["mean_percentile", "spread", "lowest"]
    rows[shares] = 100 * rows[shares]
    right.caption("Rows whose place depends most on the target")
    right.dataframe(
        rows,
        hide_index=True,
        height=min(38 + 35 * len(rows), 300),
        column_config={
            "mean_percentile": st.column_config.NumberColumn("mean place", format="%.0f %%"),
            "spread": st.column_config.NumberColumn("spread", format="%.0f %%"),
            "lowest": st.column_config.NumberColumn("among lowest 5 %", format="%.0f %%"),
        },
    )
