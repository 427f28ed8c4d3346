"""The dashboard's entry point: page config and navigation, nothing else."""

import streamlit as st

from ui import frame

st.set_page_config(page_title="DVGS Workbench", page_icon=str(frame.ICON), layout="wide")
frame.show()
