"""What `auto` tries: methods with settings, and the damage they are tried on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dvgs_core.errors import InputError
from dvgs_core.methods.registry import create, entry
from dvgs_core.methods.trials import MISTAKEN, NOISE, REPLACED, UNIFORM
from dvgs_core.settings import fields

Fear = Literal[
    "auto", "labels", "uniform labels", "confusable labels", "features", "labels and features"
]

_LOGISTIC = ("confidence learner=logistic", "confident-learning set_aside=0", "confident-learning")
_LABELS = ("dvgs suggest=false", *_LOGISTIC, "data-oob trees=200", "knn-shapley", "outlier")
_NEIGHBOURS = ("confident-learning learner=neighbours set_aside=0",)
_FEATURES = ("outlier", "outlier score=length", "outlier score=forest")
#: What is tried for each task where the user names nothing.
CANDIDATES: Mapping[str, tuple[str, ...]] = {
    "classification": (*_LABELS, *_NEIGHBOURS),
    "regression": (*_LABELS, *_NEIGHBOURS),
    "reconstruction": ("dvgs suggest=false",),
}


@dataclass(frozen=True)
class Candidate:
    """A method with settings.

    Attributes:
        label: how it is called in the report.
        method: registered name.
        settings: as a person gave them.
    """

    label: str
    method: str
    settings: Mapping[str, Any]


def damage_kinds(fear: Fear, task: str, classes: int) -> tuple[str, ...]:
    """What is done to trusted rows.

    Args:
        fear: the setting.
        task: "classification", "regression" or "reconstruction".
        classes: how many.

    Raises:
        InputError: labels are feared where there are none, or kinds of them without classes.
    """
    if fear == "auto":
        fear = "features" if task == "reconstruction" else "labels"
    if fear == "features":
        return (NOISE,)
    if task == "reconstruction":
        raise InputError(
            f"Without a label none can be wrong: fear={fear} needs one; choose features."
        )
    if task == "regression":
        if fear in ("uniform labels", "confusable labels"):
            raise InputError(f"fear={fear} is for classes; the label is a number: choose labels.")
        labels: tuple[str, ...] = (REPLACED,)
    elif fear == "uniform labels":
        labels = (UNIFORM,)
    elif fear == "confusable labels":
        labels = (MISTAKEN,)
    else:
        # between two classes the two kinds look too much alike to be told apart
        labels = (UNIFORM,) if classes <= 2 else (UNIFORM, MISTAKEN)
    return (*labels, NOISE) if fear == "labels and features" else labels


def candidates(text: str | None, task: str, kinds: Sequence[str]) -> list[Candidate]:
    """What is to be tried.

    Args:
        text: methods with settings, separated by commas; None: those that suit the task.
        task: "classification", "regression" or "reconstruction".
        kinds: of damage.

    Raises:
        InputError: a method or setting that is unknown or does not serve the task.
    """
    if text is None:
        named = [*(CANDIDATES[task] if tuple(kinds) != (NOISE,) else CANDIDATES["reconstruction"])]
        named += [name for name in _FEATURES if NOISE in kinds and name not in named]
    else:
        named = [" ".join(part.split()) for part in text.split(",") if part.strip()]
    if not named:
        raise InputError("auto needs candidates, such as candidates='dvgs, confident-learning'.")
    if len(set(named)) < len(named):
        raise InputError(f"A candidate is named twice: {', '.join(named)}.")
    return [_candidate(name, task) for name in named]


def _candidate(text: str, task: str) -> Candidate:
    method, *assignments = text.split()
    entry(method).require(task)
    if method == "auto":
        raise InputError("auto cannot be its own candidate: name other methods.")
    settings: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise InputError(f"A candidate's settings are NAME=VALUE; got {assignment!r}.")
        settings[name] = None if value.lower() in ("", "none") else value
    create(method, **settings)  # a setting that does not exist shows now, not after an hour
    shown = [a for a in assignments if a != "suggest=false"]
    return Candidate(" ".join([method, *shown]), method, settings)


def in_words(label: str) -> tuple[str, str]:
    """What a person calls a candidate: its method's title, and its settings.

    Args:
        label: of a `Candidate`, or "stack".

    Returns:
        Such as "Confident learning" and "learner: neighbours, set aside: 0".
    """
    if label == "stack":
        return "mean rank of those used", ""
    method, *assignments = label.split()
    titles = {setting.name: setting.title.lower() for setting in fields(entry(method).settings)}
    parts = (assignment.partition("=") for assignment in assignments)
    return entry(method).title, ", ".join(f"{titles[name]}: {value}" for name, _, value in parts)


def called(label: str) -> str:
    """The same in one piece, such as "Confident learning (set aside: 0)"."""
    title, settings = in_words(label)
    if not settings:
        return title
    # a title may end in brackets of its own
    return f"{title[:-1]}; {settings})" if title.endswith(")") else f"{title} ({settings})"
