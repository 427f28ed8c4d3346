"""What a run was asked for, in words, and what differs between two. No page, no state."""

from typing import Any

import pandas as pd

from dvgs_core import methods
from dvgs_core.data.encode import EncodingSettings
from dvgs_core.data.split import SplitSettings
from dvgs_core.engine.job import Job
from dvgs_core.settings import Setting, fields


def asked_for(job: Job) -> dict[str, str]:
    """Every choice of a run: its name for a person -> what was chosen."""
    entry = methods.entry(job.method)
    words = {"Method": entry.title}
    for setting in fields(entry.settings):
        words[setting.title] = _word(job.settings.get(setting.name, setting.default), setting)
    words["Seed"], words["Device"] = str(job.seed), job.device
    for declared, chosen in ((SplitSettings, job.split), (EncodingSettings, job.encoding)):
        for setting in fields(declared):
            value = getattr(chosen, setting.name)
            rows = isinstance(value, tuple)
            name = setting.title if setting.title not in words else f"{setting.title} (target)"
            words[name] = f"{len(value):,} rows" if rows and value else _word(value, setting)
    words["Label"] = job.columns.label or "–"
    words["Features"] = ", ".join(column.name for column in job.columns.features)
    corrected = job.corrections
    words["Decisions counted in"] = (
        "–"
        if corrected is None
        else f"{len(corrected.dropped):,} dropped, {len(corrected.relabelled):,} relabelled"
    )
    return words


def not_default(job: Job) -> str:
    """The method's settings that differ from the defaults, in one line."""
    declared = fields(methods.entry(job.method).settings)
    return ", ".join(
        f"{setting.title.lower()} {_word(job.settings[setting.name], setting)}"
        for setting in declared
        if setting.name in job.settings and job.settings[setting.name] != setting.default
    )


def differences(one: Job, other: Job) -> pd.DataFrame:
    """Columns setting, one, other: the choices in which two runs differ."""
    first, second = asked_for(one), asked_for(other)
    both = {**first, **second}
    names = [name for name in both if first.get(name, "–") != second.get(name, "–")]
    return pd.DataFrame(
        {
            "setting": names,
            "one": [first.get(name, "–") for name in names],
            "other": [second.get(name, "–") for name in names],
        }
    )


def _word(value: Any, setting: Setting) -> str:
    if value is None or value == "" or value == ():
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    unit = f" {setting.unit}" if setting.unit and len(setting.unit) < 12 else ""
    return f"{value:g}{unit}" if isinstance(value, float) else f"{value}{unit}"
