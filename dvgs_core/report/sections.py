"""Each part of the report as HTML."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dvgs_core.data.split import SplitSettings
from dvgs_core.data.wording import number, percent
from dvgs_core.engine.job import Job
from dvgs_core.evaluation.cut import recommended_cut
from dvgs_core.evaluation.scores import METRIC_NAMES
from dvgs_core.methods import entry
from dvgs_core.report import charts
from dvgs_core.report.content import Content
from dvgs_core.report.markup import (
    code,
    count,
    facts,
    paragraph,
    section,
    share,
    signed_share,
    table,
    text,
)
from dvgs_core.settings import Setting, fields

Form = Callable[[Any], str]
_ROLES = {
    "target": "target, trusted",
    "source": "source, valued",
    "both": "source in one turn, target in another",
    "holdout": "holdout, kept aside for judging",
    "unused": "in none of these",
}
MOST_CLASSES, MOST_GROUPS, MOST_PAIRS, MOST_NOTES = 100, 12, 15, 200


def summary(content: Content) -> str:
    """The outcome in a line of numbers and a sentence."""
    recipe = content.recipe
    dropped, relabelled = len(recipe.dropped), len(recipe.relabelled)
    numbers = [
        (count(recipe.rows), "rows"),
        (count(dropped), "dropped"),
        (count(relabelled), "relabelled"),
        (count(recipe.counts.get("keep", 0)), "kept after a look"),
        (count(recipe.rows - dropped), "rows remain"),
    ]
    boxes = "".join(f"<div><b>{text(n)}</b><span>{text(name)}</span></div>" for n, name in numbers)
    parts = [f'<div class="numbers">{boxes}</div>']
    if not dropped and not relabelled:
        parts.append(
            paragraph("Nothing was dropped or relabelled: the cleaned data equals the original.")
        )
    if content.scores is not None:
        parts.append(paragraph(content.scores.sentence))
    return "".join(parts)


def damaged(content: Content) -> str:
    """The banner over data that was damaged on purpose."""
    if not content.recipe.damaged:
        return ""
    return (
        '<p class="banner">This data was damaged on purpose, to see what is found. It is no '
        "cleaned data, and the decisions do not belong to the undamaged original.</p>"
    )


def data(content: Content) -> str:
    """What the data is."""
    recipe, roles = content.recipe, Counter(column.role for column in content.schema.columns)
    pairs: list[tuple[str, object]] = [
        ("file", recipe.original.name),
        ("SHA-256", recipe.original.sha256),
    ]
    if recipe.labels is not None:
        pairs += [("labels file", recipe.labels.name), ("its SHA-256", recipe.labels.sha256)]
    pairs += [
        ("rows", count(recipe.rows)),
        ("columns", count(content.columns)),
        ("roles of columns", ", ".join(f"{n:,} {role}" for role, n in roles.items())),
        ("label", content.schema.label or "none: rows are valued by how well they are rebuilt"),
        ("task", content.schema.task),
    ]
    return section("Data", facts(pairs))


def target(content: Content) -> str:
    """Which rows were trusted, how many, and how well they cover the classes."""
    if content.job is None:
        return ""
    roles, split = content.roles, content.job.split
    pairs = [("how it was chosen", target_words(content.job, content.target_name))]
    if split.rotations > 1:
        pairs.append(("turns", f"{split.rotations}, with targets that share no row"))
    pairs += [(_ROLES[name], count(n, "row")) for name, n in roles.items()]
    parts = [facts(pairs)]
    if content.coverage is not None:
        counts = content.coverage
        names = [n for n in ("target", "source", "holdout") if counts[n].sum()]
        totals = {name: int(counts[name].sum()) for name in names}
        rows = [
            [
                line["label"],
                *(cell for name in names for cell in (line[name], line[name] / totals[name])),
            ]
            for line in counts.to_dict("records")
        ]
        head = ["class", *(title for name in names for title in (name, "share"))]
        form: list[Form] = [str, *(how for _ in names for how in (count, share))]
        first = " in the first turn" if split.rotations > 1 else ""
        parts += [
            f"<h3>Classes{first}</h3>",
            table(rows, head, form, most=MOST_CLASSES, noun="class"),
            _uncovered(counts),
        ]
    return section("Target", *parts)


def target_words(job: Job, target_name: str | None) -> str:
    """How a target was chosen, in a line."""
    split = job.split
    if job.target_dataset is not None:
        return f"all rows of the file {target_name}" if target_name else "all rows of another file"
    if split.target_rows:
        return f"{count(len(split.target_rows), 'row')} chosen one by one"
    words = f"rows where {split.target_query}" if split.target_query else "rows"
    size = split.target_size
    everything = size is None and split.target_query and not split.balance_by
    if size is None:
        drawn = "all " if everything else "30 % of the " if split.target_query else "30 % of all "
    else:
        drawn = f"{percent(size)} of the " if size <= 1 else f"{size:,.0f} "
    balanced = f", the same number of each {split.balance_by}" if split.balance_by else ""
    manner = " at random, in the classes' proportions" if split.stratify else " at random"
    return f"{drawn}{words}{'' if everything else ', drawn' + manner}{balanced}"


def _uncovered(counts: pd.DataFrame) -> str:
    absent = counts.loc[(counts["target"] == 0) & (counts["source"] > 0), "label"].tolist()
    if not absent:
        return ""
    names = ", ".join(map(str, absent[:5])) + (" …" if len(absent) > 5 else "")
    return paragraph(f"The target has no row of {names}: values of those rows say little.")


def method(content: Content) -> str:
    """What computed the values, with every setting, and how it ended."""
    job, recipe = content.job, content.recipe
    if job is None:
        return section("Method", paragraph("The decisions were made without a run."))
    known = entry(job.method)
    pairs: list[tuple[str, object]] = [
        ("method", f"{known.title}: {known.help}"),
        ("seed", job.seed),
        ("seed of the split", job.split.seed),
        ("device", job.device),
        ("numbers encoded by", job.encoding.numeric),
    ]
    if job.corrections:
        pairs.append(("valued without", count(len(job.corrections.dropped), "dropped row")))
        pairs.append(("valued with", count(len(job.corrections.relabelled), "new label")))
    ended = recipe.ended
    if ended is not None:
        settled = "too early to say" if ended.settled is None else number(ended.settled, decimals=3)
        of = count(ended.total, "checkpoint")
        pairs += [
            ("why it ended", ended.stopped_because),
            ("scored", f"{ended.checkpoints:,} of {of}"),
            (
                "how settled",
                f"{settled} (rank correlation with the ranking at half as many checkpoints)",
            ),
            ("time", f"{ended.seconds:,.1f} s"),
        ]
    settings = list(fields(known.settings))
    rows = [
        [
            s.title + (f" ({s.unit})" if s.unit else ""),
            s.name,
            _setting(job.settings.get(s.name, s.default), s),
            _setting(s.default, s),
        ]
        for s in settings
    ]
    changed = [row[2] != row[3] for row in rows]
    shown = table(rows, ["setting", "name", "value", "default"], [str] * 4, marked=changed)
    split = _split_rows(job.split)
    chosen = table(split, ["split", "name", "value"], [str] * 3) if split else ""
    return section("Method", facts(pairs), shown, chosen)


def _setting(value: object, setting: Setting) -> str:
    if value is None or value == "":
        return "automatic" if setting.optional else "none"
    return str(value)


def _split_rows(split: SplitSettings) -> list[list[str]]:
    lines = []
    for setting in fields(SplitSettings):
        value = getattr(split, setting.name)
        if setting.name in ("target_rows", "holdout_rows"):
            value = count(len(value), "row") if value else ""
        if value not in (None, "", ()):
            lines.append([setting.title, setting.name, str(value)])
    return lines


def values(content: Content) -> str:
    """How the values are spread, and how well they find what is known to be wrong."""
    if content.bins is None:
        return ""
    names = list(content.quantiles)
    spread = table([[content.quantiles[n] for n in names]], names, [number] * len(names))
    parts = [
        paragraph("Higher values are more helpful; the lowest rows work against the target."),
        f"<figure>{charts.distribution(content.bins)}</figure>",
    ]
    found = content.found
    if found is not None:
        k = found.damaged
        parts.append(f"<figure>{charts.found_against_inspected(found)}</figure>")
    parts = [parts[0], f'<div class="figures">{"".join(parts[1:])}</div>', spread]
    if found is not None:
        parts.append(
            paragraph(
                f"{count(k)} of the valued rows are known to be damaged. Of the {count(k)} lowest "
                f"rows {share(found.precision_at(k))} are; AUROC {found.auroc:.3f}, average "
                f"precision {found.average_precision:.3f}."
            )
        )
    return section("Values", *parts)


def filtering(content: Content) -> str:
    """What becomes of a model when rows are removed by value."""
    if content.curve is None:
        return ""
    cut = recommended_cut(content.curve)
    return section(
        "Rows removed by value",
        f"<figure>{charts.filtering(content.curve)}</figure>",
        paragraph(f"{cut.conclusion} {cut.against_random}".strip()),
    )


def changes(content: Content) -> str:
    """What was removed and relabelled, per class and per group."""
    recipe, parts = content.recipe, []
    if content.classes is not None:
        classes = content.classes
        rows = [
            [
                *(c["label"], c["before"], c["dropped"]),
                c["dropped"] / c["before"] if c["before"] else None,
                *(c["relabelled_away"], c["relabelled_to"], c["after"], c["change"]),
            ]
            for c in classes.to_dict("records")
        ]
        head = ["class", "before", "dropped", "share", "relabelled", "gained", "after", "change"]
        form: list[Form] = [str, count, count, share, count, count, count, signed_share]
        parts += ["<h3>By class</h3>", table(rows, head, form, most=MOST_CLASSES, noun="class")]
    if len(content.relabels):
        rows = content.relabels.to_numpy(dtype=object).tolist()
        parts += [
            "<h3>Relabelled</h3>",
            table(rows, ["from", "to", "rows"], [str, str, count], most=MOST_PAIRS, noun="pair"),
        ]
    if recipe.dropped:
        for name, frame in content.groups.items():
            first = frame.sort_values(["more", "lost", "rows"], ascending=False, kind="stable")
            rows = first[["name", "rows", "lost", "share"]].to_numpy(dtype=object).tolist()
            parts += [
                f'<h3 dir="auto">By {text(name)}</h3>',
                table(
                    rows,
                    [name, "rows", "dropped", "share"],
                    [str, count, count, share],
                    most=MOST_GROUPS,
                    noun="value",
                    marked=first["more"].tolist(),
                ),
                _more_than_its_share(first),
            ]
    if content.caught:
        caught = content.caught
        parts.append(
            paragraph(
                f"Of the {count(caught['damaged'], 'row')} known to be damaged, "
                f"{count(caught['dropped'])} were dropped, {count(caught['restored'])} got their "
                f"true label back and {count(caught['relabelled'])} another label; "
                f"{count(caught['sound'])} sound rows were dropped or relabelled."
            )
        )
    return section("What was removed and relabelled", *parts)


def _more_than_its_share(frame: pd.DataFrame) -> str:
    names = frame.loc[frame["more"], "name"].tolist()
    if not names:
        return ""
    listed = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    return paragraph(f"Loses more than its share, beyond chance: {listed}.")


def holdout(content: Content) -> str:
    """What the decisions do to a model on rows that took no part."""
    scores = content.scores
    if scores is None:
        return section("Before and after on the holdout", paragraph(content.no_scores))
    name = METRIC_NAMES[scores.metric]
    rows = [
        [side, n, float(np.mean(found)), float(np.std(found, ddof=1)), min(found), max(found)]
        for side, n, found in (
            ("before", scores.rows_before, scores.before),
            ("after", scores.rows_after, scores.after),
        )
    ]
    head = ["source", "rows", f"mean {name}", "standard deviation", "lowest", "highest"]
    touched = ""
    if scores.decided_holdout:
        one = scores.decided_holdout == 1
        touched = (
            f" {count(scores.decided_holdout, 'holdout row')} "
            f"{'was' if one else 'were'} dropped or relabelled too; the holdout is scored as it "
            "came."
        )
    return section(
        "Before and after on the holdout",
        paragraph(scores.sentence),
        table(rows, head, [str, count, _four, _four, _four, _four]),
        paragraph(
            f"Networks of two hidden layers, {len(scores.before)} on each side with the same "
            f"starts, trained on the source before and after the decisions and scored on "
            f"{count(scores.holdout, 'row')} that took no part in valuing. The best constant "
            f"answer has {number(scores.uninformed, decimals=3)}.{touched}"
        ),
    )


def _four(value: float) -> str:
    return number(value, decimals=4)


def reviewers(content: Content) -> str:
    """Who decided how much, and why."""
    recipe = content.recipe
    parts = []
    if recipe.reviewers:
        kinds = ["keep", "relabel", "drop"]
        rows = [
            [name or "no name given", *(counts.get(kind, 0) for kind in kinds)]
            for name, counts in recipe.reviewers.items()
        ]
        parts.append(table(rows, ["reviewer", *kinds], [str, count, count, count]))
    if recipe.notes:
        rows = [[row, _decision(content, row), note] for row, note in sorted(recipe.notes.items())]
        parts += [
            "<h3>Notes</h3>",
            table(
                rows, ["row", "decision", "note"], [count, str, str], most=MOST_NOTES, noun="note"
            ),
        ]
    return section("Decisions", *parts)


def _decision(content: Content, row: int) -> str:
    if row in content.recipe.relabelled:
        return f"→ {content.recipe.relabelled[row]}"
    return "drop" if row in set(content.recipe.dropped) else "keep"


def again(content: Content) -> str:
    """How to do the same again."""
    recipe = content.recipe
    versions = ", ".join(f"{name} {version}" for name, version in recipe.software.items())
    parts: Sequence[str] = [
        paragraph(
            "With the original file and recipe.json in one folder; the cleaned file comes out "
            "byte for byte."
        ),
        code("\n".join(content.lines)),
        "<h3>In Python</h3>",
        code(content.python),
        facts([("made with", versions)]),
    ]
    return section("The same again", *parts)
