"""What a valuation is asked to do: everything besides the data's bytes."""

from typing import Any

from pydantic import Field

from dvgs_core.data.encode import EncodingSettings
from dvgs_core.data.schema import Schema
from dvgs_core.data.split import SplitSettings
from dvgs_core.engine.corrected import Corrections
from dvgs_core.settings import Settings


class Job(Settings):
    """Everything a valuation needs besides the data's bytes; part of the recipe."""

    columns: Schema
    encoding: EncodingSettings = EncodingSettings()
    split: SplitSettings = SplitSettings()
    method: str = "dvgs"
    settings: dict[str, Any] = Field(default_factory=dict)
    seed: int = 0
    device: str = "auto"
    target_dataset: str | None = None
    corrections: Corrections | None = None
