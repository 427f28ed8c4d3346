"""What a person decides about the rows, and the cleaned data that follows from it."""

from dvgs_core.review.apply import apply_recipe, load_original
from dvgs_core.review.damage import Damage, damage_of
from dvgs_core.review.decisions import Change, Decision, DecisionLog
from dvgs_core.review.export import decision_log, full_table
from dvgs_core.review.frames import check_frame, write_frame
from dvgs_core.review.recipe import Recipe, RunEnd, make_recipe

__all__ = [
    "Change",
    "Damage",
    "Decision",
    "DecisionLog",
    "Recipe",
    "RunEnd",
    "apply_recipe",
    "check_frame",
    "damage_of",
    "decision_log",
    "full_table",
    "load_original",
    "make_recipe",
    "write_frame",
]
