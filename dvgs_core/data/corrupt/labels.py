"""Wrong labels: uniformly drawn, or the class that is easily mistaken."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvgs_core.data.columns import sort_key
from dvgs_core.data.corrupt.settings import CorruptionSettings
from dvgs_core.errors import InputError


def corrupt_labels(
    y: Any,
    rate: float = 0.2,
    seed: int = 0,
    *,
    classes: Any = None,
    partner: Mapping[Any, Any] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Give a share of rows another class, drawn uniformly from the others.

    Args:
        y: (n,) labels of any type. Missing ones (NaN, None, pd.NA, and -1 among codes from 0 up)
            are not touched and do not count. -1 is a class where it is one of `classes` or, without
            them, stands opposite a single other one, as in {-1, 1}.
        rate: share of the labelled rows, in [0, 1]; exactly round(rate * n) rows change.
        seed: the same seed, the same damage; the rows do not depend on `partner`.
        classes: what may be drawn; None: the classes present in y.
        partner: the class that takes the place of each class, instead of a draw; see
            `confusable_classes`.

    Returns:
        y_new: (n,) a copy in the dtype of y. mask: (n,) bool, true = damaged.

    Raises:
        InputError: the rate is no share, y has more than one axis, there is no other class, or a
            class has no partner or itself.
    """
    y = np.asarray(y)
    if y.ndim != 1:
        raise InputError(f"Labels to corrupt must have one axis, got shape {y.shape}.")
    if not (np.isfinite(rate) and 0 <= rate <= 1):
        raise InputError(f"rate is a share of rows, from 0 to 1; got {rate}.")
    labelled = np.flatnonzero(~_missing(y, classes))
    m = round(rate * len(labelled))
    mask = np.zeros(len(y), bool)
    if m == 0:
        return y.copy(), mask

    own = y[labelled].tolist()
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(labelled), size=m, replace=False)
    before = [own[i] for i in chosen]
    if partner is None:
        allowed = sorted(
            set(own if classes is None else np.asarray(classes).tolist()), key=sort_key
        )
        after = _others(before, allowed, rng)
    else:
        alone = [c for c in dict.fromkeys(before) if partner.get(c, c) == c]
        if alone:
            raise InputError(f"The class {alone[0]!r} has no other class as its partner.")
        allowed = list(partner.values())
        after = [partner[c] for c in before]

    new = np.array(after, dtype=object)
    if y.dtype.kind in "US":
        y = y.astype(np.result_type(y.dtype, np.array(allowed).dtype))  # a longer name must fit
    y_new = y.copy()
    y_new[labelled[chosen]] = new.astype(y.dtype)
    mask[labelled[chosen]] = True
    return y_new, mask


def _others(before: list, allowed: list, rng: np.random.Generator) -> list:
    """For each class one of the others, all equally likely."""
    code = {value: i for i, value in enumerate(allowed)}
    at = np.array([code.get(value, -1) for value in before])
    others = np.where(at >= 0, len(allowed) - 1, len(allowed))
    if (others < 1).any():
        raise InputError("Labels cannot be replaced: there is only one class.")
    draw = rng.integers(0, others)
    after = draw + ((at >= 0) & (draw >= at))  # skip the row's own class
    return [allowed[i] for i in after]


def confusable_classes(X: NDArray, codes: NDArray[np.int64]) -> dict[int, int]:
    """The class that each class is most easily mistaken for: the one with the nearest centre.

    Distances between the means of the classes are measured in units of each feature's spread
    within the classes, so that features which do not tell classes apart count for little.

    Args:
        X: (n, d) numbers.
        codes: (n,) class codes; rows below 0 have no label and do not count.

    Returns:
        For each class with a row the code of another one; empty if there is only one.
    """
    present = np.unique(codes[codes >= 0])
    if len(present) < 2:
        return {}
    X = np.asarray(X, dtype=np.float64)
    centres = np.stack([X[codes == c].mean(axis=0) for c in present])
    place = np.searchsorted(present, codes[codes >= 0])
    within = (X[codes >= 0] - centres[place]).std(axis=0)
    # a feature that is constant within all classes says everything: it keeps its own scale
    scaled = centres / np.where(within > 0, within, 1.0)
    squares = (scaled**2).sum(axis=1)
    distance = squares[:, None] + squares[None] - 2 * scaled @ scaled.T
    np.fill_diagonal(distance, np.inf)
    nearest = present[distance.argmin(axis=1)]
    return dict(zip(present.tolist(), nearest.tolist(), strict=True))


def damage_labels(
    codes: NDArray[np.int64],
    settings: CorruptionSettings,
    seed: np.random.SeedSequence,
    *,
    classes: int,
    chosen: NDArray[np.bool_] | None,
    partner: Mapping[int, int] | None,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Labels damaged as the settings say.

    Args:
        codes: (n,) class codes, -1 where missing.
        settings: rates.
        seed: of the draw.
        classes: how many classes may be drawn.
        chosen: (n,) rows of the one class and group that the settings name; None: they name none.
        partner: as in `corrupt_labels`.

    Returns:
        (n,) the new codes; (n,) true where damaged.
    """
    drawn = np.arange(classes)
    if chosen is None:
        return corrupt_labels(
            codes, settings.label_rate, integer(seed), classes=drawn, partner=partner
        )
    new, mask = codes.copy(), np.zeros(len(codes), bool)
    rates = (settings.label_rate, settings.label_rate_elsewhere)
    for part, rate, spawned in zip((chosen, ~chosen), rates, seed.spawn(2), strict=True):
        new[part], mask[part] = corrupt_labels(
            codes[part], rate, integer(spawned), classes=drawn, partner=partner
        )
    return new, mask


def chosen_rows(
    settings: CorruptionSettings,
    codes: NDArray[np.int64],
    names: tuple[str, ...],
    column: Any,
) -> NDArray[np.bool_] | None:
    """(n,) rows of the class and the group that the settings name; None where they name none.

    Args:
        settings: of the damage.
        codes: (n,) class codes.
        names: of the classes.
        column: (n,) the group column, or None if the settings name none.

    Raises:
        InputError: no such class or group, or half of a group's two settings.
    """
    if (settings.label_group is None) != (settings.label_group_column is None):
        raise InputError("label_group and label_group_column need each other: set both or none.")
    if settings.label_class is None and settings.label_group is None:
        if settings.label_rate_elsewhere > 0:
            raise InputError(
                "label_rate_elsewhere is for labels outside of one class or group: set "
                "label_class or label_group too."
            )
        return None
    chosen = np.ones(len(codes), bool)
    if settings.label_class is not None:
        if settings.label_class not in names:
            raise InputError(
                f"There is no class {settings.label_class!r}; the classes are {_some(list(names))}."
            )
        chosen &= codes == names.index(settings.label_class)
    if settings.label_group is not None:
        texts = np.array([_text(value) for value in column], dtype=object)
        if settings.label_group not in texts:
            there = sorted(set(texts.tolist()))
            raise InputError(
                f"The column {settings.label_group_column!r} has no {settings.label_group!r}; it "
                f"holds {_some(there)}."
            )
        chosen &= texts == settings.label_group
    return chosen


def _some(texts: list[str]) -> str:
    return ", ".join(map(repr, texts[:10])) + (" …" if len(texts) > 10 else "")


def _text(value: Any) -> str:
    """A cell as a person writes it: 1 for 1.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def integer(sequence: np.random.SeedSequence) -> int:
    """One whole number of a seed sequence."""
    return int(sequence.generate_state(1, np.uint64)[0])


def _missing(y: np.ndarray, classes: Any) -> np.ndarray:
    missing = np.asarray(pd.isna(y), bool)
    if y.dtype.kind != "i":
        return missing
    present = np.unique(y)
    # what classes there are does not show in a part of the rows
    is_class = len(present) == 2 and present[0] == -1 if classes is None else -1 in classes
    return missing if is_class else missing | (y == -1)
