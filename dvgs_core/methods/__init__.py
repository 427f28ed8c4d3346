"""One valuation method a file, registered by name."""

from dvgs_core.methods import dvgs, random  # noqa: F401  (importing registers them)
from dvgs_core.methods.registry import create, entry, names, register

__all__ = ["create", "entry", "names", "register"]
