"""One valuation method a file, registered by name."""

# importing registers them, in this order
# isort: off
from dvgs_core.methods import dvgs  # noqa: F401
from dvgs_core.methods import random  # noqa: F401
from dvgs_core.methods import loo  # noqa: F401
from dvgs_core.methods import shapley  # noqa: F401
from dvgs_core.methods import dvrl  # noqa: F401
from dvgs_core.methods import knn_shapley  # noqa: F401
from dvgs_core.methods import data_oob  # noqa: F401
from dvgs_core.methods import confidence  # noqa: F401
from dvgs_core.methods import confident_learning  # noqa: F401
from dvgs_core.methods import outlier  # noqa: F401
from dvgs_core.methods import in_run  # noqa: F401
from dvgs_core.methods import apc  # noqa: F401
from dvgs_core.methods import column  # noqa: F401
from dvgs_core.methods import auto  # noqa: F401

# isort: on
from dvgs_core.methods.registry import Preset, create, entry, names, register

__all__ = ["Preset", "create", "entry", "names", "register"]
