"""The paper's experiments 1 to 8: which rows are drawn, and how the source is damaged.

Where ours differ from the paper's, `differs` says how. Experiments 9 and 10 are in `expression`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.data.corrupt import add_feature_noise, corrupt_labels
from dvgs_core.data.encode import Encoder, EncodingSettings
from dvgs_core.data.frame import from_frame
from dvgs_core.data.schema import Schema, infer_schema
from dvgs_core.errors import InputError
from dvgs_core.paper.data import ADULT, BLOG, FEATURES, PICTURES, DataSets
from dvgs_core.paper.profiles import generate_profiles
from dvgs_core.samples import Samples


@dataclass(frozen=True, eq=False)
class Problem:
    """One draw of an experiment.

    Attributes:
        source, target, holdout: encoded rows; the source is damaged, the others are not.
        classes: how many there are, or None.
        wrong: (n_source,) bool, whether the label was replaced, or None.
        rate: (n_source,) float64, standard deviation of the noise on each row, or None.
        clean: the source before it was damaged.
    """

    source: Samples
    target: Samples
    holdout: Samples
    classes: int | None
    wrong: NDArray[np.bool_] | None
    rate: NDArray[np.float64] | None
    clean: Samples


@dataclass(frozen=True)
class Experiment:
    """One of the paper's experiments.

    Attributes:
        number: the paper's.
        data: what it is called in tables.
        file: the data file, or "" where rows are generated.
        damage: "labels" or "noise".
        amount: share of labels replaced, or the largest noise.
        source, target, holdout: how many rows of each.
        preset: name of the paper's settings, for `DVGS.paper`.
        metric: what a filtering curve shows.
        differs: what is not as in the paper, or "".
        every: steps between checkpoints of DVGS; 1 is the paper's.
    """

    number: int
    data: str
    file: str
    damage: str
    amount: float
    source: int
    target: int
    holdout: int
    preset: str
    metric: str
    differs: str = ""
    every: int = 1

    @property
    def name(self) -> str:
        """Such as "1: adult, labels"."""
        return f"{self.number}: {self.data}, {self.damage}"

    def with_source(self, rows: int) -> "Experiment":
        """The same with so many source rows."""
        return replace(self, source=rows)

    def small(self) -> "Experiment":
        """The same with few rows, to see that everything runs."""
        if self.file == PICTURES:
            return replace(self, source=12, target=8, holdout=8)
        return replace(self, source=60, target=40, holdout=40)


DOSES = 6
_ROWS_FOR_A_GOOD_ONE = 9  # cautious, so that there are always enough
_FEATURES = (
    "256 features of a MobileNetV2 instead of 2,048 of an Inception network, "
    "scaled to a standard deviation of 1 over all of them"
)
EXPERIMENTS = {
    e.number: e
    for e in (
        Experiment(1, "adult", ADULT, "labels", 0.2, 1000, 400, 2000, "adult-labels", "auroc"),
        Experiment(2, "blog", BLOG, "labels", 0.2, 1000, 400, 2000, "blog-labels", "auroc"),
        Experiment(
            *(3, "cifar10", FEATURES, "labels", 0.2, 5000, 2000, 2000, "cifar10-labels"),
            *("accuracy", _FEATURES),
        ),
        Experiment(4, "adult", ADULT, "noise", 3.0, 1000, 400, 2000, "adult-noise", "auroc"),
        Experiment(5, "blog", BLOG, "noise", 3.0, 1000, 400, 2000, "blog-noise", "auroc"),
        Experiment(
            *(6, "cifar10", FEATURES, "noise", 3.0, 5000, 2000, 2000, "cifar10-noise"),
            *("accuracy", _FEATURES),
        ),
        Experiment(
            *(7, "cifar10 pictures", PICTURES, "noise", 5.0, 1000, 250, 250),
            *("cifar10-unsupervised", "r2"),
            "1,000 pictures and 250 as target instead of 20,000 and 2,000, every 50th of the 1,000 "
            "steps scored",
            every=50,
        ),
        Experiment(
            *(8, "L1000, APC > 0.5", "", "noise", 5.0, 4000, 500, 500, "lincs-noise", "r2"),
            "generated profiles (paper/profiles.py) instead of LINCS, 4,000 rows and 500 as "
            "target instead of 20,000 and 2,000",
        ),
    )
}


def experiment(number: int) -> Experiment:
    """The experiment with the paper's number.

    Raises:
        InputError: no such experiment among 1 to 8.
    """
    if number not in EXPERIMENTS:
        raise InputError(f"There is no experiment {number}; known: 1 to {max(EXPERIMENTS)}.")
    return EXPERIMENTS[number]


def draw(chosen: Experiment, data: DataSets, seed: int) -> Problem:
    """New subsets and new damage; the same seed gives the same ones.

    Args:
        chosen: which experiment.
        data: where its rows come from.
        seed: root of the draw of rows and, apart from it, of the damage.
    """
    rows_stream, damage_stream = np.random.SeedSequence([chosen.number, seed]).spawn(2)
    rng = np.random.default_rng(rows_stream)
    damage_seed = int(damage_stream.generate_state(1)[0])
    clean, target, holdout = _DRAWS[chosen.data](chosen, data, rng)
    classes = None
    if clean.y is not None:
        classes = int(max(part.y.max() for part in (clean, target, holdout) if part.y is not None))
        classes += 1
    if chosen.damage == "labels":
        y, wrong = corrupt_labels(
            clean.y, chosen.amount, seed=damage_seed, classes=np.arange(classes or 0)
        )
        source = Samples(clean.X, y, clean.ids)
        return Problem(source, target, holdout, classes, wrong, None, clean)
    X, rate = add_feature_noise(clean.X, chosen.amount, seed=damage_seed)
    source = Samples(X, clean.y, clean.ids)
    return Problem(source, target, holdout, classes, None, rate, clean)


def _picked(
    rng: np.random.Generator, candidates: NDArray, *sizes: int
) -> tuple[NDArray[np.int64], ...]:
    """Disjoint random subsets of these sizes."""
    if sum(sizes) > len(candidates):
        raise InputError(f"{sum(sizes):,} rows are to be drawn; there are {len(candidates):,}.")
    drawn = rng.permutation(candidates)[: sum(sizes)]
    return tuple(np.split(drawn, np.cumsum(sizes)[:-1]))


def _table(chosen: Experiment, data: DataSets, rng: np.random.Generator) -> tuple[Samples, ...]:
    """Source of the training part, target and holdout of the test part; one-hot and min-max."""
    frame, label = (data.adult, "income") if chosen.data == "adult" else (data.blog, "comments")
    train = (frame["split"] == "train").to_numpy()
    (source,) = _picked(rng, np.flatnonzero(train), chosen.source)
    target, holdout = _picked(rng, np.flatnonzero(~train), chosen.target, chosen.holdout)
    used = np.concatenate([source, target, holdout])
    rows = frame.iloc[used].reset_index(drop=True)
    encoder = Encoder.fit(rows, _schema(data, label), EncodingSettings(numeric="minmax"))
    codes = np.unique(frame[label].astype(str), return_inverse=True)[1][used]
    every = Samples(encoder.transform(rows), codes, used)
    return _parts(every, chosen)


@lru_cache(maxsize=4)
def _schema(data: DataSets, label: str) -> Schema:
    """Column roles, inferred from all rows, so that they do not depend on the draw."""
    frame: pd.DataFrame = data.adult if label == "income" else data.blog
    return infer_schema(from_frame(frame.drop(columns="split"), "data"), label)


def _cifar(chosen: Experiment, data: DataSets, rng: np.random.Generator) -> tuple[Samples, ...]:
    X, y, train = data.cifar_features
    (source,) = _picked(rng, np.flatnonzero(train), chosen.source)
    target, holdout = _picked(rng, np.flatnonzero(~train), chosen.target, chosen.holdout)
    used = np.concatenate([source, target, holdout])
    return _parts(Samples(X[used], y[used], used), chosen)


def _pictures(chosen: Experiment, data: DataSets, rng: np.random.Generator) -> tuple[Samples, ...]:
    X = data.pictures
    sizes = chosen.source, chosen.target, chosen.holdout
    used = np.concatenate(_picked(rng, np.arange(len(X)), *sizes))
    return _parts(Samples(X[used], None, used), chosen)


def _profiles(chosen: Experiment, data: DataSets, rng: np.random.Generator) -> tuple[Samples, ...]:
    """Generated rows with a measured APC above 0.5; about one in seven has one."""
    wanted = chosen.source + chosen.target + chosen.holdout
    perturbations = max(300, round(wanted * _ROWS_FOR_A_GOOD_ONE / DOSES))
    profiles = generate_profiles(perturbations, doses=DOSES, seed=int(rng.integers(2**32)))
    good = np.flatnonzero(profiles.apc > 0.5)
    used = np.concatenate(_picked(rng, good, chosen.source, chosen.target, chosen.holdout))
    return _parts(Samples(profiles.X[used], None, used), chosen)


def _parts(every: Samples, chosen: Experiment) -> tuple[Samples, ...]:
    ends = np.cumsum([chosen.source, chosen.target, chosen.holdout])
    starts = ends - [chosen.source, chosen.target, chosen.holdout]
    return tuple(every.rows(np.arange(a, b)) for a, b in zip(starts, ends, strict=True))


_DRAWS: dict[str, Callable[..., tuple[Samples, ...]]] = {
    "adult": _table,
    "blog": _table,
    "cifar10": _cifar,
    "cifar10 pictures": _pictures,
    "L1000, APC > 0.5": _profiles,
}
