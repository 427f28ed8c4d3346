"""A dialog, and something that ends in the background while it is open."""

import os
from pathlib import Path

import streamlit as st

from ui.dialogs import closed, dialog, rerun_when_free

closed()
ended = Path(os.environ["DVGS_TEST_ENDED"])


@dialog("Something to read")
def read() -> None:
    st.text_input("A word", key="word")


if st.button("Open"):
    read()
st.markdown("It has ended." if ended.exists() else "It goes on.")
if not ended.exists():

    @st.fragment(run_every=0.2)
    def tick() -> None:
        if ended.exists():
            rerun_when_free()
        st.caption("Noticed." if ended.exists() else "Waiting.")

    tick()
