"""Deliberate damage whose place is known: the yardstick of every method here.

One vocabulary, `CorruptionSettings`; `corrupt_table` damages a table, `corrupt_samples` encoded
rows. Both return new data and the truth beside it, and leave what they were given as it was.
"""

from dvgs_core.data.corrupt.arrays import corrupt_samples
from dvgs_core.data.corrupt.labels import confusable_classes, corrupt_labels
from dvgs_core.data.corrupt.noise import add_feature_noise
from dvgs_core.data.corrupt.settings import CorruptionSettings
from dvgs_core.data.corrupt.table import corrupt_table

__all__ = [
    "CorruptionSettings",
    "add_feature_noise",
    "confusable_classes",
    "corrupt_labels",
    "corrupt_samples",
    "corrupt_table",
]
