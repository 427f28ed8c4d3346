"""Figure 6: how little the AUROC depends on most settings."""

import numpy as np

from dvgs_core.paper.records import Records
from dvgs_core.paper.robustness import KIND, SETTINGS, grid_works, setting_means
from dvgs_core.paper.summary import Section, listed_seeds, markdown_table, origin, origins
from dvgs_core.paper.svg import Line, Panel, figure
from dvgs_core.paper.work import Request, Work

NAME, TITLE = "figure-6", "Figure 6: robustness to the settings"


def works(request: Request) -> list[Work]:
    """The grid of table 4."""
    return grid_works(request)


def section(records: Records) -> Section | None:
    """All settings sorted, and the median with quartiles at each level of each setting."""
    some = records.of(KIND)
    if not some:
        return None
    means = setting_means(some)
    share = np.linspace(0, 1, 101)
    best = float(means["auroc"].iloc[0])
    everything = Panel(
        "all settings, best first",
        "share of settings",
        "AUROC",
        [
            Line("settings", share, np.quantile(means["auroc"], 1 - share)),
            Line("10 % below the best", (0, 1), (0.9 * best, 0.9 * best), dashed=True),
            Line("25 % below the best", (0, 1), (0.75 * best, 0.75 * best), dashed=True),
        ],
        x_range=(0, 1),
    )
    panels, rows = [everything], []
    quartiles_of = {
        setting: {
            level: np.quantile(alike["auroc"], (0.25, 0.5, 0.75))
            for level, alike in means.groupby(setting)
        }
        for setting in SETTINGS
    }
    # one scale for all, so that settings can be compared
    lowest = min(q[0] for levels in quartiles_of.values() for q in levels.values())
    for setting, levels in quartiles_of.items():
        spread = list(levels.values())
        low, middle, high = np.array(spread).T
        line = Line("median and quartiles", range(len(levels)), middle, low, high)
        names = tuple(str(level) for level in levels)
        panels.append(
            Panel(setting, "", "AUROC", [line], y_range=(lowest - 0.01, best), x_names=names)
        )
        rows += [
            [setting, name, *(f"{q:.3f}" for q in quartiles)]
            for name, quartiles in zip(names, spread, strict=True)
        ]
    drawn = figure(panels, f"{TITLE}: AUROC of {len(means):,} settings, all and by setting")
    where = [listed_seeds({r.what["seed"] for r in some}), *origin(some)]
    head = ["setting", "level", "lower quartile", "median", "upper quartile"]
    body = (
        "The runs of table 4. First panel: every setting, best first; the others: median and "
        f"quartiles over all settings with one level in common.\n\n{markdown_table(head, rows)}\n\n"
        f"{origins(['seeds'], [where])}"
    )
    return Section(body, {f"{NAME}.svg": drawn})
