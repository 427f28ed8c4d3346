"""Profiles of tables, computed once for a table and its roles."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dvgs_core.data.distributions import distributions
from dvgs_core.data.profile import profile, repeats
from dvgs_core.data.schema import Labels, Schema, check_schema, read_labels
from dvgs_core.errors import InputError
from ui.state import table


@dataclass(frozen=True, eq=False)
class PageProfile:
    """What the Data page shows; see `dvgs_core.data.profile.Profile`.

    Attributes:
        bars: the distribution of each column, see `dvgs_core.data.distributions`.
        codes: (n,) the same number for rows whose features are equal, or None.
        labels: of all rows; None without a label, or with one that cannot be read.
        notes: what a person should know.
        problems: what stands in the way of a valuation, a line each.
    """

    columns: pd.DataFrame
    classes: pd.DataFrame
    bars: pd.DataFrame
    duplicates: int
    conflicts: int
    unlabelled: int
    codes: NDArray[np.int64] | None
    labels: Labels | None
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
        columns=found.columns,
        classes=found.classes,
        bars=_bars(dataset_id, tuple((c.name, c.kind) for c in roles.columns)),
        duplicates=found.duplicates,
        conflicts=found.conflicts,
        unlabelled=found.unlabelled,
        codes=found.codes,
        labels=read_labels(frame, roles) if roles.label else None,
        notes=notes,
        problems=problems,
    )


@st.cache_resource(max_entries=6, show_spinner=False)
def _bars(dataset_id: str, kinds: tuple[tuple[str, str], ...]) -> pd.DataFrame:
    """Distributions depend on kinds alone: a new role costs nothing here."""
    roles = Schema.model_validate({"columns": [{"name": n, "kind": k} for n, k in kinds]})
    return distributions(table(dataset_id).frame, roles)


@st.cache_resource(max_entries=4, show_spinner=False)
def repeats_of(dataset_id: str, roles_json: str) -> pd.DataFrame:
    """Rows that are not the only ones of their kind; see `dvgs_core.data.profile.repeats`."""
    found = _profile(dataset_id, roles_json)
    if found.codes is None:
        return pd.DataFrame({"group": [], "row": [], "size": [], "conflict": []})
    return repeats(found.codes, found.labels)
