"""What a person decides about the rows, and the cleaned data that follows from it."""

from dvgs_core.review.apply import apply_recipe
from dvgs_core.review.decisions import Change, Decision, DecisionLog
from dvgs_core.review.export import decision_log, full_table
from dvgs_core.review.frames import write_frame
from dvgs_core.review.recipe import Recipe, make_recipe

__all__ = [
    "Change",
    "Decision",
    "DecisionLog",
    "Recipe",
    "apply_recipe",
    "decision_log",
    "full_table",
    "make_recipe",
    "write_frame",
]
