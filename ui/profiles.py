"""Profiles of tables, computed once for a table and its roles."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from dvgs_core.data.profile import profile
from dvgs_core.data.schema import Schema, check_schema
from dvgs_core.errors import InputError
from ui.state import table


@dataclass(frozen=True, eq=False)
class PageProfile:
    """What the Data page shows; see `dvgs_core.data.profile.Profile`.

    Attributes:
        notes: what a person should know.
        problems: what stands in the way of a valuation, a line each.
    """

    columns: pd.DataFrame
    classes: pd.DataFrame
    duplicates: int
    conflicts: int
    unlabelled: int
    notes: tuple[str, ...]
    problems: tuple[str, ...]


def profile_of(dataset_id: str, roles: Schema) -> PageProfile:
    """The profile of a dataset under these roles."""
    return _profile(dataset_id, roles.model_dump_json())


@st.cache_resource(max_entries=6, show_spinner="Looking through the table …")
def _profile(dataset_id: str, roles_json: str) -> PageProfile:
    roles, frame = Schema.model_validate_json(roles_json), table(dataset_id).frame
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    try:
        notes = tuple(check_schema(frame, roles))
    except InputError as error:
        problems = (str(error),)
    found = profile(frame, roles)
    return PageProfile(
        found.columns,
        found.classes,
        found.duplicates,
        found.conflicts,
        found.unlabelled,
        notes,
        problems,
    )
