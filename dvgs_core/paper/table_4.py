"""Table 4: the best of 2,304 settings, and how many come near it."""

import pandas as pd

from dvgs_core.data.wording import percent
from dvgs_core.paper.published import TABLE_4_BEST, TABLE_4_WITHIN
from dvgs_core.paper.records import Records
from dvgs_core.paper.robustness import KIND, SETTINGS, grid_works, setting_means
from dvgs_core.paper.summary import Section, listed_seeds, markdown_table, origin, origins
from dvgs_core.paper.work import Request, Work

NAME, TITLE = "table-4", "Table 4: 2,304 settings of DVGS on ADULT, 20 % labels"
_SHOWN = 10


def works(request: Request) -> list[Work]:
    """The whole grid; figure 6 shows the same runs."""
    return grid_works(request)


def section(records: Records) -> Section | None:
    """Shares near the best, the best settings, and where the paper's best one stands."""
    some = records.of(KIND)
    if not some:
        return None
    means = setting_means(some)
    best = float(means["auroc"].iloc[0])
    shares = {part: float((means["auroc"] >= (1 - part) * best).mean()) for part in TABLE_4_WITHIN}
    near = [
        [f"within {percent(part)} of the best AUROC", f"**{percent(share, 1)}**", _paper(part)]
        for part, share in shares.items()
    ]
    is_theirs = (means[list(TABLE_4_BEST)] == pd.Series(TABLE_4_BEST)).all(axis=1)
    theirs = ""
    if is_theirs.any():
        at = int(is_theirs.to_numpy().argmax())
        theirs = (
            f"The paper's best setting ({_words(TABLE_4_BEST)}) is number {at + 1:,} here with "
            f"{means['auroc'].iloc[at]:.3f}.\n\n"
        )
    rows = [
        [str(i + 1), f"**{line.auroc:.3f}**", *(str(getattr(line, s)) for s in SETTINGS)]
        for i, line in enumerate(means.head(_SHOWN).itertuples())
    ]
    minutes = sum(record.seconds for record in some) / 60
    where = [listed_seeds({r.what["seed"] for r in some}), *origin(some)]
    body = (
        f"{len(means):,} settings × {len({r.what['seed'] for r in some})} replicates, 1,000 source "
        f"and 400 target rows, one restart, every step scored: {minutes:.1f} minutes in all.\n\n"
        f"{markdown_table(['share of settings', 'ours', 'the paper'], near)}\n\n"
        f"The best AUROC is {best:.3f}, the median {means['auroc'].median():.3f}, the worst "
        f"{means['auroc'].min():.3f}. {theirs}The best settings, means of the replicates:\n\n"
        f"{markdown_table(['', 'AUROC', *SETTINGS], rows)}\n\n"
        f"{origins(['seeds'], [where])}"
    )
    numbers = [
        dict(settings=len(means), best=best, minutes=minutes)
        | {f"within_{part}": share for part, share in shares.items()}
    ]
    return Section(body, numbers=numbers)


def _paper(part: float) -> str:
    share = percent(TABLE_4_WITHIN[part])
    return f"about {share}" if part == 0.25 else f"> {share}"


def _words(settings: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
