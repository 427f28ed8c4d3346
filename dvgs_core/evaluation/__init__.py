"""How far values can be trusted."""

from dvgs_core.evaluation.detection import Detection, detection

__all__ = ["Detection", "detection"]
