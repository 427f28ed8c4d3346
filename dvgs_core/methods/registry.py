"""Methods of valuation by name.

A method is a class made with `(*, seed, device, **settings)` that has two calls, `steps(source,
target, *, classes)` and `value(source, target, *, classes)`. It registers with its settings class,
and from then on has its page, its command line, its recipe and its place in every comparison:

    class NormSettings(Settings):
        power: float = Field(default=2.0, gt=0, le=10, title="Power", description="Of the norm.")

    @register("norm", NormSettings, title="Plain norm", help="How short the row is.")
    class Norm(Base[NormSettings]):
        declared = NormSettings

        def steps(self, source, target, *, classes=None):
            agreed("norm", source, target, classes)
            yield only_step(-np.linalg.norm(source.X, ord=self.settings.power, axis=1))

`Base`, `agreed` and `only_step` are in `dvgs_core.methods.base`; a class of one's own with the two
calls does as well. Import the file before the name is used. What a method is asked to compare it
imports inside its calls, so that listing methods loads neither torch nor scikit-learn.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any, Protocol, TypeVar

from dvgs_core.errors import InputError
from dvgs_core.samples import Samples, Step, Valuation
from dvgs_core.settings import Settings, validated

#: What may be predicted: a class, a number, or the row itself where there is no label.
TASKS = ("classification", "regression", "reconstruction")


class Method(Protocol):
    """What every method of valuation can do."""

    def steps(
        self, source: Samples, target: Samples, *, classes: int | None = None
    ) -> Iterator[Step]:
        """One `Step` a checkpoint: live, stoppable."""
        ...

    def value(self, source: Samples, target: Samples, *, classes: int | None = None) -> Valuation:
        """The value of every source row, in source order."""
        ...


@dataclass(frozen=True)
class Preset:
    """Settings to start from, under a name that means the same for every method.

    Attributes:
        name: auto (the defaults), quick, thorough or paper.
        settings: those that differ from the defaults.
        help: what it is for, in a sentence.
        tasks: those of `TASKS` it is for.
    """

    name: str
    settings: Mapping[str, Any]
    help: str
    tasks: tuple[str, ...] = TASKS


DEFAULTS = Preset("auto", {}, "The defaults, which fit themselves to the data where they can.")


@dataclass(frozen=True)
class Entry:
    """A registered method: how it is made, what can be set, and what it is for.

    Attributes:
        name: what it is called by.
        make: the class.
        settings: what can be set.
        title: its name for a person.
        help: one line on what its values mean.
        tasks: those of `TASKS` that it can value rows for.
        all_presets: settings to start from, besides the defaults.
        apart: whether each source row is valued without regard to the others.
    """

    name: str
    make: Callable[..., Method]
    settings: type[Settings]
    title: str
    help: str
    tasks: tuple[str, ...] = TASKS
    all_presets: tuple[Preset, ...] = ()
    apart: bool = False

    def presets(self, task: str | None = None) -> list[Preset]:
        """The defaults first, then what else there is to start from; with a task, for that one."""
        return [DEFAULTS, *(p for p in self.all_presets if task is None or task in p.tasks)]

    def preset(self, name: str, task: str) -> Preset:
        """The preset of a name.

        Raises:
            InputError: the method has none of that name for the task; the message lists its own.
        """
        found = {preset.name: preset for preset in self.presets(task)}
        if name not in found:
            raise InputError(
                f"The method {self.name} has no preset {name!r} for {_what(task)}; it has "
                f"{', '.join(found)}."
            )
        return found[name]

    @property
    def resumes(self) -> bool:
        """Whether it can go on from the middle, so that a run of it can be paused."""
        return "resume" in signature(self.make.steps).parameters  # type: ignore[attr-defined]

    @property
    def names_features(self) -> bool:
        """Whether it says which columns of the table its findings are about."""
        return "feature_columns" in signature(self.make.steps).parameters  # type: ignore[attr-defined]

    def require(self, task: str) -> None:
        """Refuse a task that the method does not serve.

        Raises:
            InputError: in one line, with what would do.
        """
        if task not in self.tasks:
            others = [other.name for other in _entries.values() if task in other.tasks]
            raise InputError(
                f"The method {self.name} is for {' and '.join(self.tasks)}; this is {_what(task)}. "
                f"Methods for it: {', '.join(others)}."
            )


_entries: dict[str, Entry] = {}
M = TypeVar("M", bound=Callable[..., Method])


def register(
    name: str,
    settings: type[Settings],
    *,
    title: str | None = None,
    help: str | None = None,
    tasks: tuple[str, ...] = TASKS,
    presets: Iterable[Preset] = (),
    apart: bool = False,
) -> Callable[[M], M]:
    """Class decorator that makes a method known under a name.

    Args:
        name: what it is called by.
        settings: what can be set; a `Settings` class.
        title: its name for a person; None: the name.
        help: one line on what its values mean; None: the first line of the class's docstring.
        tasks: those of "classification", "regression" and "reconstruction" that it serves.
        presets: settings to start from, besides the defaults.
        apart: whether each source row is valued without regard to the others, so that a page can
            show a few before the rest.

    Raises:
        ValueError: the name is taken, or a task is unknown.
        InputError: a preset holds what its settings do not allow.
    """
    for preset in (starts := tuple(presets)):
        validated(settings, preset.settings)
    unknown = set(tasks) - set(TASKS)
    if unknown or not tasks:
        raise ValueError(f"The tasks of {name!r} must be some of {TASKS}; got {tasks}.")

    def add(make: M) -> M:
        if name in _entries:
            raise ValueError(
                f"A method named {name!r} is registered already: choose another name than "
                f"{', '.join(_entries)}."
            )
        first_line = (make.__doc__ or "").strip().split("\n")[0]
        _entries[name] = Entry(
            name,
            make,
            settings,
            title or name,
            first_line if help is None else help,
            tasks,
            starts,
            apart,
        )
        return make

    return add


def names(task: str | None = None) -> list[str]:
    """Registered names, in the order of registration; with a task, of those that serve it."""
    return [entry.name for entry in _entries.values() if task is None or task in entry.tasks]


def entry(name: str) -> Entry:
    """The method registered under a name.

    Raises:
        InputError: no such method; the message lists those there are.
    """
    if name not in _entries:
        raise InputError(f"There is no method {name!r}; known: {', '.join(names())}.")
    return _entries[name]


def create(name: str, *, seed: int = 0, device: str = "auto", **settings: Any) -> Method:
    """A method by name, with its settings.

    Raises:
        InputError: unknown method, or a setting that is unknown or out of bounds.
    """
    return entry(name).make(seed=seed, device=device, **settings)


def _what(task: str) -> str:
    return "data without a label" if task == "reconstruction" else task
