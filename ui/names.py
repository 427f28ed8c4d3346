"""Short forms of long names: cut where a reader misses least, and never two alike."""

from collections.abc import Iterable
from functools import lru_cache

_HEADED = 16  # characters of a short form from which on a quarter is the beginning of the name


def middle_out(text: str, length: int) -> str:
    """At most `length` characters: the beginning and the end of a longer text."""
    if len(text) <= length:
        return text
    end = (length - 1) // 3
    return f"{text[: length - 1 - end]}…{text[-end:]}"


def told_apart(names: Iterable[object], length: int) -> dict[str, str]:
    """A short form of each name, no two alike: what names have in common goes first.

    Args:
        names: classes, say, as a whole: short forms are told apart among these only.
        length: characters of the longest short form; at least 8.

    Returns:
        name → short form. A name that is not too long stays as it is.
    """
    return _told_apart(tuple(str(name) for name in names), length)


@lru_cache(maxsize=32)
def _told_apart(names: tuple[str, ...], length: int) -> dict[str, str]:
    whole = sorted(set(names))  # names that begin alike stand beside each other
    short = {name: name for name in whole if len(name) <= length}
    taken = set(short)
    for at, name in enumerate(whole):
        if name in short:
            continue
        beside = whole[max(at - 1, 0) : at] + whole[at + 1 : at + 2]
        shared = max((_alike(name, other) for other in beside), default=0)
        form = _cut(name, shared, length)
        again = 1
        while form in taken:
            again += 1
            mark = f" ({again})"
            form = form[: length - len(mark)].removesuffix(f" ({again - 1})") + mark
        taken.add(form)
        short[name] = form
    return short


def _alike(name: str, other: str) -> int:
    """With how many characters both begin."""
    differ = (at for at, (a, b) in enumerate(zip(name, other, strict=False)) if a != b)
    return next(differ, min(len(name), len(other)))


def _cut(name: str, shared: int, length: int) -> str:
    """Cut a name of which the first `shared` characters say nothing."""
    plain = middle_out(name, length)
    if shared < plain.index("…"):
        return plain
    room = length - 1 - (length // 4 if length >= _HEADED else 0)
    start = name.rfind(" ", 0, shared + 1) + 1  # of the word in which it differs
    if shared - start >= room - 1:
        start = shared
    rest = name[start:]
    rest = rest if len(rest) <= room else rest[: room - 1] + "…"
    return f"{name[: min(length - 1 - len(rest), start)].rstrip()}…{rest}"
