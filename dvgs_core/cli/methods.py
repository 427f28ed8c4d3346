"""`dvgs methods`: what there is to value rows with, and what can be set."""

from typing import Any

import click

from dvgs_core import methods
from dvgs_core.cli.options import as_json_option
from dvgs_core.cli.output import report
from dvgs_core.methods.registry import TASKS, Entry
from dvgs_core.settings import Setting, fields


@click.command("methods", short_help="List the methods, or the settings of one.")
@click.argument("name", required=False)
@as_json_option
def command(name: str | None, as_json: bool) -> None:
    """List the methods, or the settings of the method NAME."""
    if name is None:
        entries = [methods.entry(name) for name in methods.names()]
        lines = [line for entry in entries for line in _about(entry)]
        about = {entry.name: _facts(entry) for entry in entries}
        report({"methods": methods.names(), "about": about}, lines, as_json)
        return
    entry = methods.entry(name)
    settings = list(fields(entry.settings))
    lines = _about(entry)
    for setting in settings:
        bounds = ", ".join(map(str, setting.choices)) or _bounds(setting)
        unit = f" {setting.unit}" if setting.unit else ""
        default = "automatic" if setting.default is None else setting.default
        if setting.column:
            bounds, default = "a column of DATA", default or "none yet"
        lines.append(f"{setting.name} = {default}{unit}  ({bounds})")
        lines.append(f"    {setting.help}")
    for preset in entry.presets():
        changes = ", ".join(f"{name}={value}" for name, value in preset.settings.items())
        tasks = f" ({', '.join(preset.tasks)})" if preset.tasks != TASKS else ""
        lines.append(f"--preset {preset.name}{tasks}: {changes or 'the values above'}")
        lines.append(f"    {preset.help}")
    defaults = {setting.name: setting.default for setting in settings}
    presets = [
        {"name": p.name, "tasks": list(p.tasks), "settings": dict(p.settings)}
        for p in entry.presets()
    ]
    summary = {"method": name, **_facts(entry), "settings": defaults, "presets": presets}
    report(summary, lines, as_json)


def _about(entry: Entry) -> list[str]:
    return [f"{entry.name}: {entry.title} ({', '.join(entry.tasks)})", f"    {entry.help}"]


def _facts(entry: Entry) -> dict[str, Any]:
    return {"title": entry.title, "help": entry.help, "tasks": list(entry.tasks)}


def _bounds(setting: Setting) -> str:
    low, high = setting.minimum, setting.maximum
    if low is None and high is None:
        return setting.type.__name__
    return f"{setting.type.__name__} {'' if low is None else low}–{'' if high is None else high}"
