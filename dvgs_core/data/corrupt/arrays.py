"""Damage to encoded rows."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.data.corrupt.labels import chosen_rows, confusable_classes, damage_labels, integer
from dvgs_core.data.corrupt.noise import add_feature_noise
from dvgs_core.data.corrupt.plan import draw_plan, eligible_rows, truth_frame
from dvgs_core.data.corrupt.settings import CorruptionSettings
from dvgs_core.errors import InputError
from dvgs_core.samples import Samples


def corrupt_samples(
    samples: Samples,
    settings: CorruptionSettings,
    seed: int = 0,
    *,
    rows: NDArray | None = None,
    classes: int | None = None,
    partner: Mapping[int, int] | None = None,
    spread: NDArray | None = None,
) -> tuple[Samples, pd.DataFrame]:
    """Damage a copy of encoded rows.

    An encoded cell cannot be missing: it becomes the median of its column. Any two columns can
    change places. A class is named by its code, a group by a value in `samples.columns`.

    Args:
        samples: the rows.
        settings: what to do.
        seed: the same seed, the same damage.
        rows: positions or (n,) bool, the rows that may be damaged; None: all.
        classes: how many classes there are, where the rows lack the last of them.
        partner: the class that each class is mistaken for; None: learnt from these rows.
        spread: (features,) standard deviations that noise is measured in; None: of these rows.

    Returns:
        The damaged rows, with the same ids. And the truth about each: see `truth_frame`.

    Raises:
        InputError: labels to be replaced outside of classification, or nothing to damage.
    """
    n, d = samples.X.shape
    able = eligible_rows(rows, n)
    seeds = np.random.SeedSequence(seed).spawn(6)
    X = samples.X.astype(np.float64)
    spread = X.std(axis=0) if spread is None else np.asarray(spread, dtype=np.float64)
    middle = np.median(X, axis=0)
    y, wrong = samples.y, np.zeros(n, bool)
    codes = np.full(n, -1) if samples.task != "classification" or y is None else y
    plan = draw_plan(
        settings,
        seeds[2:],
        rows=able,
        n=n,
        kinds=[0] * d,
        filled=middle != X,
        movable=np.broadcast_to(spread > 0, (n, d)),
        swapping_changes=lambda sources: np.asarray((X[:, sources] != X).any(axis=1)),
        group=codes if samples.task == "classification" else np.zeros(n, np.int64),
    )
    if settings.label_rate > 0 or settings.label_rate_elsewhere > 0:
        if samples.task != "classification" or y is None:
            raise InputError("Labels can be replaced only in classification: set label_rate to 0.")
        count = max(classes or 0, int(y.max()) + 1)
        if settings.label_kind == "uniform":
            partner = None
        elif partner is None:
            partner = confusable_classes(samples.X, y)
        chosen = chosen_rows(settings, y, tuple(map(str, range(count))), _group(samples, settings))
        y = y.copy()
        y[able], wrong[able] = damage_labels(
            samples.y[able],  # type: ignore[index]  # checked above
            settings,
            seeds[0],
            classes=count,
            chosen=None if chosen is None else chosen[able],
            partner=partner,
        )
    noise_rate = np.zeros(n)
    copies = plan.duplicate_of >= 0
    if copies.any():
        jitter = plan.jitter.normal(0, settings.duplicate_jitter, (copies.sum(), d))
        X[copies] = X[plan.duplicate_of[copies]] + jitter * spread
        if samples.task == "regression" and y is not None:
            y = y.copy()
            y[copies] = y[plan.duplicate_of[copies]]
    X[plan.swapped] = X[plan.swapped][:, plan.sources]
    X += plan.outlier * (settings.outlier_size * spread)
    if settings.feature_noise > 0:
        noise, rate = add_feature_noise(
            np.zeros((len(able), d)), settings.feature_noise, integer(seeds[1])
        )
        X[able] += noise * spread
        noise_rate[able] = rate
    X = np.where(plan.missing, middle, X)
    original = pd.Series([None] * n if samples.y is None else samples.y)
    damaged = Samples(X.astype(np.float32), y, samples.ids, samples.columns)
    return damaged, truth_frame(samples.ids, wrong, original, noise_rate, plan)


def _group(samples: Samples, settings: CorruptionSettings) -> NDArray | None:
    name = settings.label_group_column
    if name is not None and name not in samples.columns:
        raise InputError(
            f"The rows have no column {name!r}; they have {', '.join(samples.columns) or 'none'}."
        )
    return None if name is None else samples.columns[name]
