"""From a file to rows that can be valued: load, schema, encode, split, corrupt.

Importing this package imports neither torch nor scikit-learn.
"""

from dvgs_core.data.corrupt import (
    CorruptionSettings,
    add_feature_noise,
    confusable_classes,
    corrupt_labels,
    corrupt_samples,
    corrupt_table,
)
from dvgs_core.data.csvfile import read_cells, write_cells
from dvgs_core.data.demos import DEMOS, Demo, DemoFiles
from dvgs_core.data.encode import Encoder, EncodingSettings
from dvgs_core.data.format import FileFormat
from dvgs_core.data.images import pixel_scale, row_image
from dvgs_core.data.load import EXTENSIONS, load
from dvgs_core.data.query import matching_rows
from dvgs_core.data.schema import (
    Column,
    Kind,
    Labels,
    Role,
    Schema,
    Task,
    check_schema,
    class_texts,
    infer_schema,
    read_labels,
)
from dvgs_core.data.split import Split, SplitSettings, draw_splits, role_of_rows
from dvgs_core.data.table import Table

__all__ = [
    "DEMOS",
    "EXTENSIONS",
    "Column",
    "CorruptionSettings",
    "Demo",
    "DemoFiles",
    "Encoder",
    "EncodingSettings",
    "FileFormat",
    "Kind",
    "Labels",
    "Role",
    "Schema",
    "Split",
    "SplitSettings",
    "Table",
    "Task",
    "add_feature_noise",
    "check_schema",
    "class_texts",
    "confusable_classes",
    "corrupt_labels",
    "corrupt_samples",
    "corrupt_table",
    "draw_splits",
    "infer_schema",
    "load",
    "matching_rows",
    "pixel_scale",
    "read_cells",
    "read_labels",
    "role_of_rows",
    "row_image",
    "write_cells",
]
