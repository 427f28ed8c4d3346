"""Data valuation with gradient similarity: which rows hurt, and what to do about them.

Names are imported when they are first used, so `import dvgs_core` is cheap and loads no torch.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Samples": "dvgs_core.samples",
    "Valuation": "dvgs_core.samples",
    "Step": "dvgs_core.samples",
    "InputError": "dvgs_core.errors",
    "DVGS": "dvgs_core.methods.dvgs",
    "Trajectory": "dvgs_core.trajectory",
    "corrupt_labels": "dvgs_core.data.corrupt",
    "add_feature_noise": "dvgs_core.data.corrupt",
    "detection": "dvgs_core.evaluation.detection",
    "filtering_curve": "dvgs_core.evaluation.filtering",
    "gradient_similarity": "dvgs_core.gradients.modules",
    "target_gradient": "dvgs_core.gradients.modules",
    "value_frame": "dvgs_core.notebook",
}

__all__ = [*_HOMES, "methods"]


def __getattr__(name: str) -> Any:
    if name == "methods":
        return import_module("dvgs_core.methods")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'dvgs_core' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
