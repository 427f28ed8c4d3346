"""What methods of valuation have in common, so that each one's file is about its idea alone."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from dvgs_core.errors import InputError
from dvgs_core.methods.registry import entry
from dvgs_core.methods.resume import fingerprint
from dvgs_core.samples import Samples, Step, Valuation, collect
from dvgs_core.settings import Settings, validated
from dvgs_core.stopping import ALL_CHECKPOINTS

S = TypeVar("S", bound=Settings)


class Base(Generic[S]):
    """A method that writes `steps`; the settings' check and `value` come from here.

    Args:
        seed: root of every random draw.
        device: "auto", "cpu", "cuda" or "cuda:1", for methods that compute with torch.
        **settings: fields of the class `declared`.

    Raises:
        InputError: a setting is unknown or out of bounds.
    """

    declared: ClassVar[type[Settings]]

    def __init__(self, *, seed: int = 0, device: str = "auto", **settings: Any) -> None:
        self.settings: S = validated(self.declared, settings)  # type: ignore[assignment]
        self.seed, self.device = seed, device

    def steps(
        self, source: Samples, target: Samples, *, classes: int | None = None
    ) -> Iterator[Step]:
        """One `Step` a stage: live, stoppable."""
        raise NotImplementedError

    def value(self, source: Samples, target: Samples, *, classes: int | None = None) -> Valuation:
        """The value of every source row, in source order."""
        return collect(self.steps(source, target, classes=classes), source.ids)

    def run_of(self, source: Samples, target: Samples, classes: int) -> NDArray[np.uint8]:
        """(32,) bytes that a kept state of this method, on these rows, is known by."""
        facts = {
            "method": type(self).__name__,
            "settings": self.settings.model_dump(mode="json"),
            "seed": int(self.seed),
            "classes": classes,
        }
        return fingerprint(facts, source, target)


def agreed(name: str, source: Samples, target: Samples, classes: int | None) -> int:
    """How many classes there are (0 where there is no class label), once the rows fit the method.

    Args:
        name: of the method.
        source, target: the rows to value and the trusted rows.
        classes: how many classes there are at least.

    Raises:
        InputError: the method does not serve the task, source and target differ in task or number
            of features.
    """
    entry(name).require(source.task)
    if target.task != source.task:
        raise InputError(f"The target is for {target.task}, the source for {source.task}.")
    if target.X.shape[1] != source.X.shape[1]:
        raise InputError(
            f"Source and target must have the same features; the target has {target.X.shape[1]}, "
            f"the source {source.X.shape[1]}."
        )
    if source.task != "classification":
        return 0
    assert source.y is not None and target.y is not None
    return max(classes or 0, int(source.y.max()) + 1, int(target.y.max()) + 1)


def only_step(
    values: NDArray,
    *,
    label_values: NDArray[np.float64] | None = None,
    standard_error: NDArray[np.float64] | None = None,
    notes: tuple[str, ...] = (),
    index: int = 0,
    total: int = 1,
    similarity: NDArray | None = None,
    report: Mapping[str, Any] | None = None,
) -> Step:
    """One step of a method without checkpoints; the last one says that there are no more.

    Args:
        values: (n_source,) so far.
        label_values, standard_error, notes, report, index, total: as in `Step`.
        similarity: (n_source,) what this step alone says; None: the values.
    """
    values = np.asarray(values, dtype=np.float64)
    shown = values if similarity is None else similarity
    return Step(
        index=index,
        total=total,
        similarity=shown.astype(np.float32),
        values=values,
        standard_error=np.full(len(values), np.nan) if standard_error is None else standard_error,
        target_loss=float("nan"),
        label_values=label_values,
        stopped_because=ALL_CHECKPOINTS if index + 1 == total else None,
        notes=notes,
        report=report,
    )


def own(label_values: NDArray[np.float64], y: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) what each row has under its own label, of (n, classes)."""
    return np.take_along_axis(label_values, y[:, None], axis=1)[:, 0]
