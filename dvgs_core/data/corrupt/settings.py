"""What damage can be done, declared once for the command line, the pages and the methods."""

from typing import Literal

from pydantic import Field

from dvgs_core.settings import Settings


class CorruptionSettings(Settings):
    """Deliberate damage. Everything is off until its rate is above 0; kinds can be combined.

    Each kind draws its rows on its own, so one row can be damaged in several ways.
    """

    label_rate: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Wrong labels",
        description="Share of labels replaced by another class.",
        json_schema_extra={"unit": "share"},
    )
    label_kind: Literal["uniform", "confusable"] = Field(
        default="uniform",
        title="Which class replaces",
        description="uniform: any other class; confusable: the class that is nearest in the "
        "features, as a person would mistake it.",
    )
    label_class: str | None = Field(
        default=None,
        title="Only this class",
        description="Only labels of this class are replaced. Empty: of all classes.",
    )
    label_group_column: str | None = Field(
        default=None,
        title="Group column",
        description="With a group: only labels of that group are replaced.",
        json_schema_extra={"column": True},
    )
    label_group: str | None = Field(
        default=None,
        title="Only this group",
        description="The value of the group column whose labels are replaced.",
    )
    label_rate_elsewhere: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Wrong labels elsewhere",
        description="Where one class or group is chosen: share of the other labels replaced.",
        json_schema_extra={"unit": "share"},
    )
    feature_noise: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        title="Largest feature noise",
        description="Largest noise on numeric features; each row draws its own strength below it.",
        json_schema_extra={"unit": "standard deviations of the column"},
    )
    missing_rate: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Rows with missing values",
        description="Share of rows in which feature cells are emptied.",
        json_schema_extra={"unit": "share of rows"},
    )
    missing_cells: float = Field(
        default=0.3,
        gt=0,
        le=1,
        title="Cells emptied",
        description="Share of the feature cells of such a row, at least one.",
        json_schema_extra={"unit": "share of cells"},
    )
    swap_rate: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Rows with swapped columns",
        description="Share of rows whose cells stand in the wrong columns, in each of them the "
        "same way.",
        json_schema_extra={"unit": "share of rows"},
    )
    swap_columns: float = Field(
        default=0.5,
        gt=0,
        le=1,
        title="Columns swapped",
        description="Share of the features that change places, at least two; only columns of one "
        "kind do so among themselves.",
        json_schema_extra={"unit": "share of features"},
    )
    outlier_rate: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Rows with outliers",
        description="Share of rows in which numeric cells are moved far up or down.",
        json_schema_extra={"unit": "share of rows"},
    )
    outlier_size: float = Field(
        default=10.0,
        gt=0,
        allow_inf_nan=False,
        title="Outlier size",
        description="How far such a cell is moved.",
        json_schema_extra={"unit": "standard deviations of the column"},
    )
    outlier_cells: float = Field(
        default=0.1,
        gt=0,
        le=1,
        title="Cells moved",
        description="Share of the numeric cells of such a row, at least one.",
        json_schema_extra={"unit": "share of cells"},
    )
    duplicate_rate: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Near-duplicates",
        description="Share of rows whose features are replaced by those of another row of the "
        "same class, slightly moved.",
        json_schema_extra={"unit": "share of rows"},
    )
    duplicate_jitter: float = Field(
        default=0.05,
        ge=0,
        allow_inf_nan=False,
        title="Difference of a near-duplicate",
        description="Standard deviation of what is added to its numeric features.",
        json_schema_extra={"unit": "standard deviations of the column"},
    )
