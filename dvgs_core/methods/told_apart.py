"""Whether the features say which rows are source and which are target, and which of them do.

What is learnt from trusted rows holds for the source as far as both are rows of one kind. A column
such as the file a row came from, or the one that the target was chosen by, says otherwise: methods
that learn from both can tell the two apart, and judge them by different measures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dvgs_core.samples import Samples

#: From this AUROC on, source and target are told apart; rows drawn from one whole have 0.5.
TOLD_APART = 0.95
#: From this one on, the columns that say most are looked at alone: among many a tree may miss one.
_SUSPECT = 0.75
#: With fewer target rows an AUROC this high can be luck.
_FEWEST = 10
_MOST_ROWS = 500  # of each side: enough to see what matters
_TREES, _DEPTH, _LEAF, _TRIED = 50, 6, 3, 64
_NAMED = 3


@dataclass(frozen=True)
class Telling:
    """What tells source rows from target rows.

    Attributes:
        auroc: out of bag, of a forest that tells them apart by all columns.
        columns: the one column that does so on its own, or else those that say most, at most
            three.
        alone: whether it is the one.
    """

    auroc: float
    columns: tuple[str, ...]
    alone: bool

    @property
    def sentence(self) -> str:
        """Such as "The column 'file' tells source rows from target rows (AUROC 1.00)."."""
        named = ", ".join(map(repr, self.columns))
        who = f"The column {named} tells" if self.alone else f"The columns ({named}, …) tell"
        return f"{who} source rows from target rows (AUROC {self.auroc:.2f})."

    @property
    def remedy(self) -> str:
        """What to do about the columns."""
        named = ", ".join(map(repr, self.columns))
        return f"give {named} the role ignore"


def telling(
    source: Samples, target: Samples, columns: Sequence[str] | None = None, *, seed: int
) -> Telling | None:
    """What tells source from target, or None if nothing does.

    Args:
        source, target: rows with the same d features.
        columns: (d,) the column of the table that each feature comes from; None: features are
            called by their position.
        seed: of samples and trees.
    """
    if min(len(source), len(target)) < _FEWEST:
        return None
    rng = np.random.default_rng([seed, 5])
    parts = [
        rows.X[np.sort(rng.choice(len(rows), min(len(rows), _MOST_ROWS), replace=False))]
        for rows in (source, target)
    ]
    X, trusted = np.concatenate(parts), np.repeat([False, True], [len(part) for part in parts])
    auroc, importance = _forest(X, trusted, seed)
    if auroc < _SUSPECT:
        return None
    named = columns or [f"feature {number}" for number in range(1, X.shape[1] + 1)]
    names, at = np.unique(np.array(named, dtype=object).astype(str), return_inverse=True)
    most = np.argsort(-np.bincount(at, importance), kind="stable")[:_NAMED]
    alone = [_forest(X[:, at == column], trusted, seed)[0] for column in most]
    best = int(np.argmax(alone))
    if alone[best] >= TOLD_APART:
        return Telling(alone[best], (str(names[most[best]]),), alone=True)
    if auroc < TOLD_APART:
        return None
    return Telling(auroc, tuple(str(names[column]) for column in most), alone=False)


def _forest(
    X: NDArray[np.float32], trusted: NDArray[np.bool_], seed: int
) -> tuple[float, NDArray[np.float64]]:
    """AUROC of what trees say of rows they have not seen, and (features,) how much each says."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score

    forest = RandomForestClassifier(
        _TREES,
        max_depth=_DEPTH,
        min_samples_leaf=_LEAF,
        max_features=min(_TRIED, X.shape[1]),
        oob_score=True,
        random_state=seed,
    ).fit(X, trusted)
    said = forest.oob_decision_function_[:, 1]
    return float(roc_auc_score(trusted, said)), forest.feature_importances_
