"""The picture that belongs to a row, if there is one."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dvgs_core.data.schema import Schema

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST_PIXELS = 50_000_000  # a larger picture is not worth the memory of the page


def row_image(
    frame: pd.DataFrame,
    schema: Schema,
    row: int,
    *,
    base: str | Path | None = None,
    scale: tuple[float, float] | None = None,
) -> "Image | None":
    """The picture of a row: from bytes, from a file, or made of its pixel columns.

    Args:
        frame: (n, columns).
        schema: says which column, or which block of columns, is the picture.
        row: row id.
        base: directory that paths in the table are relative to. Without it, and for paths that
            lead out of it, there is no picture.
        scale: values shown as black and white, from `pixel_scale`; None works them out.

    Returns:
        The picture, or None if the row has none that can be read.
    """
    column = schema.image_column
    if column is not None and column in frame.columns:
        cell = frame[column].iloc[row]
        if isinstance(cell, (bytes, bytearray, memoryview)):
            return _opened(bytes(cell))
        if isinstance(cell, str) and base is not None:
            return _from_file(cell, Path(base))
    if not schema.pixels or schema.image_shape is None:
        return None
    low, high = scale if scale is not None else pixel_scale(frame, schema)
    cells = frame.iloc[row][list(schema.pixels)]
    values = pd.to_numeric(cells, errors="coerce").to_numpy(dtype="float64", na_value=np.nan)
    return _from_values(np.where(np.isnan(values), low, values), schema.image_shape, low, high)


def pixel_scale(frame: pd.DataFrame, schema: Schema) -> tuple[float, float]:
    """Smallest and largest value of all pixels of all rows: black and white of every picture."""
    block = frame[list(schema.pixels)]
    low = float(block.min().min())
    high = float(block.max().max())
    return (low, high) if np.isfinite([low, high]).all() else (0.0, 1.0)


def _opened(data: bytes) -> "Image | None":
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(data))
        if image.width * image.height > _MOST_PIXELS:
            return None
        image.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGB")


def _from_file(cell: str, base: Path) -> "Image | None":
    base = base.resolve()
    try:
        path = (base / cell).resolve()
        if not path.is_relative_to(base) or not path.is_file():
            return None
        return _opened(path.read_bytes())
    except (OSError, ValueError):  # a name that cannot be a file's
        return None


def _from_values(
    values: np.ndarray, shape: tuple[int, ...], low: float, high: float
) -> "Image | None":
    from PIL import Image

    span = high - low if high > low else 1.0
    shades = np.clip(np.rint((values - low) / span * 255), 0, 255).astype(np.uint8).reshape(shape)
    if shades.ndim == 3 and shades.shape[0] in (1, 3) and shades.shape[2] not in (1, 3):
        shades = shades.transpose(1, 2, 0)
    if shades.ndim == 3 and shades.shape[2] == 1:
        shades = shades[:, :, 0]
    drawable = shades.ndim == 2 or (shades.ndim == 3 and shades.shape[2] == 3)
    return Image.fromarray(np.ascontiguousarray(shades)) if drawable else None
