"""Methods of valuation by name.

A method is a class made with `(*, seed, device, **settings)` that has two calls, `steps(source,
target)` and `value(source, target)`. It registers with its settings class:

    @register("mine", MySettings)
    class Mine: ...
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from dvgs_core.errors import InputError
from dvgs_core.samples import Samples, Step, Valuation
from dvgs_core.settings import Settings


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
class Entry:
    """A registered method: how it is made, and what can be set."""

    name: str
    make: Callable[..., Method]
    settings: type[Settings]


_entries: dict[str, Entry] = {}
M = TypeVar("M", bound=Callable[..., Method])


def register(name: str, settings: type[Settings]) -> Callable[[M], M]:
    """Class decorator that makes a method known under a name.

    Raises:
        ValueError: the name is taken.
    """

    def add(make: M) -> M:
        if name in _entries:
            raise ValueError(f"A method named {name!r} is registered already: {_entries[name]}.")
        _entries[name] = Entry(name, make, settings)
        return make

    return add


def names() -> list[str]:
    """Registered names, in the order of registration."""
    return list(_entries)


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
