"""Our mean beside the paper's, for every experiment and method: what tables 1 and 2 have in common.

"Within" means that our mean is no further from the paper's than the paper's standard deviation.
"""

from collections.abc import Mapping, Sequence

from dvgs_core.paper.experiments import EXPERIMENTS
from dvgs_core.paper.published import METHODS
from dvgs_core.paper.records import Record
from dvgs_core.paper.settings import DIFFERS, shortened
from dvgs_core.paper.summary import (
    Section,
    groups,
    label,
    markdown_table,
    mean_and_spread,
    plus_minus,
    provenance,
)

Published = Mapping[int, Mapping[str, tuple[float, float]]]


def comparison(
    records: Sequence[Record],
    measure: str,
    published: Published,
    explained: Mapping[tuple[int, str], str],
    costly: Mapping[str, str],
) -> Section | None:
    """The table, a line for each number that is not within, and where all numbers come from.

    Args:
        records: of valuations.
        measure: which number of an outcome.
        published: the paper's, by experiment and method.
        explained: why a number differs, by experiment and method.
        costly: what a method takes that has not been run on any of the experiments.

    Returns:
        None where nothing was run.
    """
    found = {key: some for key, some in groups(records).items() if key[0] in published}
    if not found:
        return None
    names = list(dict.fromkeys([*METHODS, *(method for _, method in found)]))
    names = [name for name in names if any((number, name) in found for number in published)]
    rows, outside, numbers = [], [], []
    for number, of_paper in published.items():
        ours, theirs = [f"**{EXPERIMENTS[number].name}**"], ["the paper"]
        for name in names:
            paper = of_paper.get(name)
            theirs.append(plus_minus(*paper) if paper else "")
            if (number, name) not in found:
                ours.append("not run" if paper else "")
                continue
            values = [record.outcome[measure] for record in found[number, name]]
            mean, spread = mean_and_spread(values)
            ours.append(f"**{plus_minus(mean, spread)}** ({len(values)})")
            numbers.append(
                dict(experiment=number, method=name, measure=measure, mean=mean, sd=spread)
                | dict(repeats=len(values), paper=paper and list(paper))
            )
            if paper is not None and abs(mean - paper[0]) > paper[1]:
                swings = _swings(found[number, name], paper[1])
                outside.append(_outside(number, name, mean, paper, explained) + swings)
        rows += [ours, theirs]
    head = ["", *(label(name) for name in names)]
    within = sum(n["paper"] is not None for n in numbers) - len(outside)
    compared = within + len(outside)
    verdict = f"{within} of {compared} means lie within the paper's one standard deviation."
    if outside:
        verdict += " Not within:\n\n" + "\n".join(outside)
    differs = [
        f"- {EXPERIMENTS[number].name}: {EXPERIMENTS[number].differs}."
        for number in published
        if EXPERIMENTS[number].differs and any((number, name) in found for name in names)
    ]
    differs += [
        f"- {EXPERIMENTS[number].name}, {label(name)}: {shortened(some)}."
        for (number, name), some in found.items()
        if shortened(some)
    ]
    differs += [f"- {label(name)}: {DIFFERS[name]}." for name in names if name in DIFFERS]
    unpaid = [
        f"{label(name)} has not been run: {cost}."
        for name, cost in costly.items()
        if not any((number, name) in found for number in published)
    ]
    parts = [
        "Mean ± standard deviation over repeats (how many), each with new rows and new damage.",
        markdown_table(head, rows),
        verdict,
        *unpaid,
        *(["Not as in the paper:\n\n" + "\n".join(differs)] if differs else []),
        provenance(found),
    ]
    return Section("\n\n".join(parts), numbers=numbers)


def _outside(number, name, mean, paper, explained) -> str:
    distance = (mean - paper[0]) / paper[1]
    line = (
        f"- {EXPERIMENTS[number].name}, {label(name)}: {plus_minus(mean, None)} against "
        f"{plus_minus(*paper)}, {plus_minus(distance, None, 1)} of its standard deviations"
    )
    return f"{line}. {explained.get((number, name), '')}".rstrip(". ") + "."


def _swings(records: Sequence[Record], spread: float) -> str:
    """A sentence on how much the measure still moved within a run, if more than the paper's spread.

    Args:
        records: whose outcomes may have a "course" of (steps, measure).
        spread: the paper's standard deviation.
    """
    ends = [
        (min(late), max(late))
        for record in records
        if (course := record.outcome.get("course"))
        and (late := [measure for _, measure in course[(len(course) - 1) // 2 :]])
    ]
    lowest, highest = max(ends, key=lambda pair: pair[1] - pair[0], default=(0.0, 0.0))
    if highest - lowest <= spread:
        return ""
    low, high = (plus_minus(end, None) for end in (lowest, highest))
    return f" From half of a run's steps on, it moved between {low} and {high}."
