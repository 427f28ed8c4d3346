"""Pictures of rows: pixels or image files, for the card, the table, and the map."""

import base64
import io
from functools import partial

import streamlit as st
from PIL import Image, ImageOps

from dvgs_core.data.images import pixel_scale, row_image
from dvgs_core.data.schema import Schema
from ui.results import the_results
from ui.state import table, workspace

_LARGE = 176
_SMALL = (48, 48)


@st.cache_resource(max_entries=4, show_spinner=False)
def _scale(dataset_id: str, roles_json: str) -> tuple[float, float]:
    return pixel_scale(table(dataset_id).frame, Schema.model_validate_json(roles_json))


def picture_of(run_id: int, row: int) -> Image.Image | None:
    """The picture of a row of a run, small ones enlarged without blurring; None if it has none."""
    return _maker(run_id)(row)


@st.cache_resource(max_entries=4, show_spinner=False)
def _maker(run_id: int):
    """What draws a row of a run; the roles are read once, not once a row."""
    run = workspace().run(run_id)
    roles = the_results(run).schema
    frame = table(run.dataset).frame
    if not roles.pixels and roles.image_column is None:
        return lambda row: None
    scale = _scale(run.dataset, roles.model_dump_json()) if roles.pixels else None
    folder = workspace().get_setting(run.dataset, "image_folder")
    return partial(_drawn, frame, roles, folder, scale)


def _drawn(frame, roles: Schema, folder, scale, row: int) -> Image.Image | None:
    image = row_image(frame, roles, row, base=folder, scale=scale)
    if image is not None and max(image.size) < _LARGE:
        factor = _LARGE // max(image.size)
        image = image.resize(
            (image.width * factor, image.height * factor), Image.Resampling.NEAREST
        )
    return image


def picture_address(run_id: int, row: int) -> str:
    """A row's picture as an address that holds it, 48 pixels wide; "" if it has none."""
    image = picture_of(run_id, row)
    if image is None:
        return ""
    small, buffer = ImageOps.contain(image, _SMALL, Image.Resampling.NEAREST), io.BytesIO()
    small.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
