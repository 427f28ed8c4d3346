"""Pictures from bytes, files and pixel columns; none from outside the directory."""

import io

import numpy as np
import pandas as pd
from PIL import Image

from dvgs_core.data import Column, Schema, pixel_scale, row_image


def png(colour):
    out = io.BytesIO()
    Image.new("RGB", (3, 2), colour).save(out, "PNG")
    return out.getvalue()


PICTURE = Schema(columns=(Column(name="photo", role="image"),))


def test_bytes():
    frame = pd.DataFrame({"photo": [png("red"), b"junk", None, png("blue")[:40]]})
    image = row_image(frame, PICTURE, 0)
    assert image.size == (3, 2) and image.getpixel((0, 0)) == (255, 0, 0)
    assert [row_image(frame, PICTURE, row) for row in (1, 2, 3)] == [None, None, None]


def test_files_only_under_the_directory(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "a.png").write_bytes(png("red"))
    (tmp_path / "secret.png").write_bytes(png("blue"))
    (tmp_path / "base" / "link.png").symlink_to(tmp_path / "secret.png")
    cells = ["a.png", "../secret.png", str(tmp_path / "secret.png"), "link.png", "none.png", "\0"]
    frame = pd.DataFrame({"photo": [*cells, None]})
    found = [row_image(frame, PICTURE, row, base=tmp_path / "base") for row in range(len(frame))]
    assert [image is not None for image in found] == [True, *[False] * 6]
    assert row_image(frame, PICTURE, 0) is None


def test_pixels_are_scaled_over_the_whole_block():
    frame = pd.DataFrame({"a": [0, 5], "b": [10, 5], "c": [2, 0], "d": [4, np.nan]})
    schema = Schema(
        columns=tuple(Column(name=n) for n in "abcd"), pixels=tuple("abcd"), image_shape=(2, 2)
    )
    assert pixel_scale(frame, schema) == (0, 10)
    np.testing.assert_array_equal(np.array(row_image(frame, schema, 0)), [[0, 255], [51, 102]])
    np.testing.assert_array_equal(np.array(row_image(frame, schema, 1)), [[128, 128], [0, 0]])
    one = np.array(row_image(frame, schema, 0, scale=(0, 20)))
    assert one.max() == 128


def test_colours_in_both_orders():
    values = np.arange(12)
    frame = pd.DataFrame([values], columns=[f"p{i}" for i in values])
    for shape, cells in (((2, 2, 3), values.reshape(2, 2, 3)), ((3, 2, 2), None)):
        schema = Schema(
            columns=tuple(Column(name=n) for n in frame), pixels=tuple(frame), image_shape=shape
        )
        expected = values.reshape(3, 2, 2).transpose(1, 2, 0) if cells is None else cells
        got = np.array(row_image(frame, schema, 0))
        np.testing.assert_array_equal(got, np.rint(expected / 11 * 255))


def test_no_picture():
    frame = pd.DataFrame({"x": [1, 2]})
    assert row_image(frame, Schema(columns=(Column(name="x"),)), 0) is None
