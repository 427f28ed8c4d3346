"""Filtering curves: what becomes of a model when rows are removed by value.

Four orders of removal: the lowest values first, the highest first, at random, and, where it is
known which rows are damaged, those first (the oracle). Every point of every curve and replicate is
a network of its own, and all are trained together. Importing this module loads no torch.

Source: Evans et al. 2024, section 3 (ten quantiles from 0 to 0.9, three replicates). Where
nobody says how many points, the curve of the lowest values is finer at its start, since that is
where a cut is looked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from dvgs_core.data.wording import number, percent
from dvgs_core.errors import InputError
from dvgs_core.evaluation.scores import METRIC_NAMES
from dvgs_core.evaluation.utility import Utility, UtilitySettings
from dvgs_core.samples import Samples, ranks
from dvgs_core.settings import shared, validated

#: The orders of removal, as they stand in the column `which`.
ORDERS = ("lowest", "highest", "random", "oracle")
COLUMNS = ("which", "removed", "replicate", "rows", "score", "metric")
#: Settings that the command line has words for.
SPELLED = ("points", "most", "replicates", "add_target", "metric", "epochs", "learning_rate")

# Shares removed where nobody says how many points: all orders at the coarse steps, and the lowest
# values at the fine ones too, up to where most data has its cut.
_COARSE, _FINE, _FINE_UNTIL = 0.1, 0.02, 0.2
# A change of the score smaller than this is none.
_SMALLEST_CHANGE = 0.001


class FilteringSettings(UtilitySettings):
    """The curves, and the networks that they are made of."""

    points: int | None = Field(
        default=None,
        ge=2,
        le=100,
        title="Points",
        description="Points of each curve, evenly spaced from nothing removed to the most. Empty: "
        "every 10 %, and every 2 % up to 20 % where the lowest values are removed.",
        json_schema_extra={"unit": "points"},
    )
    most: float = Field(
        default=0.9,
        gt=0,
        lt=1,
        title="Most removed",
        description="Share of the source removed at the last point.",
    )
    replicates: int = Field(
        default=3,
        ge=1,
        le=100,
        title="Replicates",
        description="Networks a point, each with a seed of its own; random removal draws anew for "
        "each.",
        json_schema_extra={"unit": "networks"},
    )
    add_target: bool = Field(
        default=False,
        title="Train on the target too",
        description="The target's rows join what is left of the source.",
    )
    batch: int | None = shared(UtilitySettings, "batch", default=256)


@dataclass(frozen=True, eq=False)
class FilteringProgress:
    """What is known of the curves so far.

    Attributes:
        done, total: networks trained, and in all.
        frame: the points that are known, as `filtering_curve` returns them.
    """

    done: int
    total: int
    frame: pd.DataFrame


def filtering_points(
    source: Samples,
    target: Samples | None,
    holdout: Samples,
    values: ArrayLike,
    *,
    truth: ArrayLike | None = None,
    classes: int | None = None,
    seed: int = 0,
    device: str = "auto",
    without: Collection[str] = (),
    **settings: Any,
) -> Iterator[FilteringProgress]:
    """The curves as they come; the last one has every point. Arguments as `filtering_curve`."""
    from dvgs_core.models.stack import Member

    if unknown := set(without) - set(ORDERS[1:]):
        raise InputError(f"Curves that can be left out are {ORDERS[1:]}; got {sorted(unknown)}.")
    wanted = validated(FilteringSettings, settings)
    worth = _checked_values(source, values)
    damaged = None if truth is None else _checked_truth(source, truth)
    known = [s for s in (source, target if wanted.add_target else None, holdout) if s is not None]
    rows = source if not wanted.add_target else _joined(source, _needed(target))
    n = len(source)
    match round(wanted.most * n):
        case 0:
            raise InputError(f"{percent(wanted.most)} of {n} rows are none to remove. Remove more.")
        case gone if gone == n:
            raise InputError(
                f"Removing {percent(wanted.most)} of {n} rows leaves none. Remove fewer."
            )
    always = np.arange(len(source), len(rows))
    seeds = np.random.SeedSequence(seed).generate_state(wanted.replicates).tolist()

    labels: list[tuple[str, float, int]] = []
    members: list[Member] = []
    for replicate, start in enumerate(seeds):
        rng = np.random.default_rng([seed, 2, replicate])
        orders = _orders(worth, source.ids, damaged, rng)
        orders = {which: order for which, order in orders.items() if which not in without}
        for which, order in orders.items():
            for removed, gone in removals(n, which, wanted).items():
                if gone == 0 and which != "lowest":
                    continue  # nothing removed is the same for all
                # sorted, so that a network depends on which rows are left and not on their order
                kept = np.concatenate([np.sort(order[gone:]), always])
                labels.append((which, removed, replicate))
                members.append(Member(kept, start))

    lines: list[tuple[str, float, int, int, float, str]] = []
    done = 0
    number = _classes(known, classes)
    with Utility(wanted, rows, holdout, classes=number, device=device) as utility:
        for positions, found in utility.blocks(members):
            for position, score in zip(positions.tolist(), found.tolist(), strict=True):
                which, removed, replicate = labels[position]
                rows_left = len(members[position].positions) - len(always)
                named = [which] if removed else list(orders)
                lines += [(w, removed, replicate, rows_left, score, utility.metric) for w in named]
            done += len(positions)
            yield FilteringProgress(done, len(members), _frame(lines, wanted))


def removals(rows: int, which: str, settings: FilteringSettings) -> dict[float, int]:
    """Share removed -> rows removed at the points of a curve, from nothing on.

    A share that removes no row more than the one before it is left out.

    Args:
        rows: of the source.
        which: of the orders.
        settings: how many points, up to which share.
    """
    if settings.points is not None:
        shares = np.linspace(0, settings.most, settings.points)
    else:
        fine = np.arange(0, _FINE_UNTIL, _FINE) if which == "lowest" else np.zeros(1)
        coarse = np.arange(_COARSE, settings.most, _COARSE)
        shares = np.r_[fine[fine < settings.most], coarse, settings.most]
    found: dict[float, int] = {}
    for share in np.unique(shares.round(6)).tolist():
        gone = round(share * rows)
        if gone not in found.values():
            found[share] = gone
    return found


def filtering_curve(
    source: Samples,
    target: Samples | None,
    holdout: Samples,
    values: ArrayLike,
    *,
    truth: ArrayLike | None = None,
    classes: int | None = None,
    seed: int = 0,
    device: str = "auto",
    without: Collection[str] = (),
    **settings: Any,
) -> pd.DataFrame:
    """Holdout score against the share of the source removed.

    Args:
        source: the rows that were valued.
        target: the trusted rows; used only with `add_target=True`, else it may be None.
        holdout: the rows that score; they should be neither source nor target.
        values: (n_source,) float, higher = more helpful; ties are removed by row id.
        truth: (n_source,) bool, true = damaged; adds the oracle.
        classes: how many there are, where the rows lack the last of them.
        seed: of the networks and of random removal.
        device: "auto", "cpu", "cuda" or "cuda:1".
        without: curves to leave out, of "highest", "random" and "oracle".
        **settings: fields of `FilteringSettings`, such as points, replicates, metric, add_target.

    Returns:
        A tidy frame, one line a network, sorted:
        which      "lowest", "highest", "random" or "oracle": what is removed first
        removed    share of the source removed, from 0
        replicate  from 0; the networks of a replicate share their seed
        rows       how many source rows were left
        score      on the holdout, higher = better
        metric     "auroc", "accuracy", "r2" or "loss"
        Nothing removed is one network a replicate and stands in every curve. With the usual points
        the lowest are removed in finer steps than the others. Its `attrs["settings"]` says with
        which settings the networks were trained.

    Raises:
        InputError: lengths differ, a value is missing, a setting is out of bounds, or the rows
            do not fit together.
    """
    *_, last = filtering_points(
        *(source, target, holdout, values),
        truth=truth,
        classes=classes,
        seed=seed,
        device=device,
        without=without,
        **settings,
    )
    return last.frame


def curve_bands(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread of the replicates, for drawing.

    Returns:
        A frame with which, removed, rows, score (mean), low and high (mean less and plus the
        standard deviation; equal to the mean where there is one replicate), sorted.
    """
    groups = frame.groupby(["which", "removed"], observed=True, sort=True)
    bands = groups.agg(
        rows=("rows", "first"), score=("score", "mean"), deviation=("score", "std")
    ).reset_index()
    deviation = bands.pop("deviation").where(groups["score"].size().to_numpy() > 1, 0.0)
    return bands.assign(low=bands["score"] - deviation, high=bands["score"] + deviation)


def conclusion(frame: pd.DataFrame, removed: float) -> str:
    """What removing a share of the lowest values does, in a sentence, and what chance does.

    Args:
        frame: what `filtering_curve` returned.
        removed: the share to speak of, the nearest that was tried.

    Returns:
        Such as "Removing the lowest 20 % raises accuracy from 0.810 to 0.840. Random removal of as
        many leaves it at 0.805." A change counts if it is twice its standard error over the
        replicates, which share their seeds, and at least 0.001.
    """
    metric = METRIC_NAMES[str(frame["metric"].iloc[0])]
    lowest = _by_replicate(frame, "lowest")
    shares = np.array([share for share in lowest.columns if share > 0])
    share = float(shares[np.abs(shares - removed).argmin()])
    before, after = (number(float(lowest[at].mean()), decimals=3) for at in (0.0, share))
    match _change(lowest[share] - lowest[0.0]):
        case 0:
            said = f"leaves {metric} at {after} (before {before})"
        case 1:
            said = f"raises {metric} from {before} to {after}"
        case _:
            said = f"lowers {metric} from {before} to {after}"
    return f"Removing the lowest {100 * share:.3g} % {said}. {random_removal(frame, share)}".strip()


def random_removal(frame: pd.DataFrame, removed: float) -> str:
    """What removing as many rows at random does, in a sentence; "" where that was not tried.

    Args:
        frame: what `filtering_curve` returned.
        removed: the share to speak of. Between two shares that were tried, each replicate's score
            is taken from the straight line between them, and the sentence says "about".
    """
    if "random" not in set(frame["which"]):
        return ""
    random = _by_replicate(frame, "random")
    tried = random.columns.to_numpy(dtype=float)
    about = "" if np.isclose(tried, removed).any() else "about "
    scores = random.apply(lambda line: np.interp(removed, tried, line), axis=1)
    word = {0: "leaves it at", 1: "raises it to", -1: "lowers it to"}[_change(scores - random[0.0])]
    left = number(float(scores.mean()), decimals=3)
    return f"Random removal of as many {word} {about}{left}."


def _by_replicate(frame: pd.DataFrame, which: str) -> pd.DataFrame:
    """Scores of one curve: a line a replicate, a column a share removed, ascending."""
    part = frame[frame["which"] == which]
    return part.pivot(index="replicate", columns="removed", values="score")


def _change(differences: pd.Series) -> int:
    """1, -1, or 0 where the replicates do not say that there is a change."""
    mean, count = float(differences.mean()), len(differences)
    error = float(differences.std()) / np.sqrt(count) if count > 1 else 0.0
    if abs(mean) < max(_SMALLEST_CHANGE, 2 * error):
        return 0
    return 1 if mean > 0 else -1


def _orders(
    values: NDArray[np.float64],
    ids: NDArray[np.int64],
    damaged: NDArray[np.bool_] | None,
    rng: np.random.Generator,
) -> dict[str, NDArray[np.int64]]:
    """For each curve, positions in the order of removal."""
    lowest = np.argsort(ranks(values, ids))
    random = rng.permutation(len(values))
    orders = {"lowest": lowest, "highest": lowest[::-1], "random": random}
    if damaged is not None:
        orders["oracle"] = np.concatenate([random[damaged[random]], random[~damaged[random]]])
    return orders


def _frame(
    lines: list[tuple[str, float, int, int, float, str]], settings: FilteringSettings
) -> pd.DataFrame:
    frame = pd.DataFrame(lines, columns=list(COLUMNS))
    frame.attrs["settings"] = settings.model_dump(mode="json")
    present = [which for which in ORDERS if which in set(frame["which"])]
    frame["which"] = pd.Categorical(frame["which"], categories=present, ordered=True)
    return frame.sort_values(["which", "removed", "replicate"], ignore_index=True)


def _checked_values(source: Samples, values: ArrayLike) -> NDArray[np.float64]:
    worth = np.asarray(values, dtype=np.float64)
    if worth.shape != (len(source),):
        raise InputError(
            f"There must be one value a source row ({len(source)}); the shape is {worth.shape}."
        )
    if not np.isfinite(worth).all():
        raise InputError(
            f"{(~np.isfinite(worth)).sum()} of {len(worth)} values are missing or infinite. "
            "Leave those rows out of the source and of the values."
        )
    return worth


def _checked_truth(source: Samples, truth: ArrayLike) -> NDArray[np.bool_]:
    damaged = np.asarray(truth, dtype=bool)
    if damaged.shape != (len(source),):
        raise InputError(
            f"The truth must have one entry a source row ({len(source)}); its shape is "
            f"{damaged.shape}."
        )
    return damaged


def _needed(target: Samples | None) -> Samples:
    if target is None:
        raise InputError("To train on the target too there must be one; none was given.")
    return target


def _joined(source: Samples, target: Samples) -> Samples:
    """Source rows, then target rows."""
    _same_form("target", target, source)
    y = None
    if source.y is not None and target.y is not None:
        y = np.concatenate([source.y, target.y])
    ids = np.concatenate([source.ids, target.ids])
    return Samples(np.concatenate([source.X, target.X]), y, ids)


def _classes(known: list[Samples], classes: int | None) -> int:
    """How many there are, once the rows fit together; 0 where the task has none."""
    source = known[0]
    for name, other in (("holdout", known[-1]), ("target", known[1])):
        _same_form(name, other, source)
    if source.task != "classification":
        return 0
    most = max(int(part.y.max()) for part in known if part.y is not None)
    return max(classes or 0, most + 1, 2)


def _same_form(name: str, other: Samples, source: Samples) -> None:
    if other.task != source.task:
        raise InputError(f"The source is for {source.task}, the {name} for {other.task}.")
    if other.X.shape[1] != source.X.shape[1]:
        raise InputError(
            f"Source and {name} must have the same features; the source has {source.X.shape[1]}, "
            f"the {name} {other.X.shape[1]}."
        )
