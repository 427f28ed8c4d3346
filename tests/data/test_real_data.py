"""The real data sets load, get sensible roles, and encode fast."""

import numpy as np
import pytest

from dvgs_core.data import (
    Encoder,
    EncodingSettings,
    SplitSettings,
    check_schema,
    draw_splits,
    infer_schema,
    load,
    read_cells,
    read_labels,
    row_image,
    write_cells,
)

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def data(real_data):
    return real_data


@pytest.fixture(scope="module")
def adult_csv(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("adult") / "adult.csv"
    load(data / "adult.parquet").frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("name", "shape", "task"),
    [
        ("adult.parquet", (48842, 16), "classification"),
        ("blog_feedback.parquet", (60021, 283), "reconstruction"),
        ("cifar10n_features.npz", (25000, 264), "classification"),
        ("cifar10_thumbnails.parquet", (5000, 5), "classification"),
        ("l1000_knockdown_level4_plate.parquet", (374, 984), "reconstruction"),
        ("l1000_level5_modz_signatures.parquet", (272, 994), "reconstruction"),
        ("l1000_ljp005_a375_level3_plate.parquet", (377, 993), "reconstruction"),
    ],
)
def test_all_seven_load(data, name, shape, task):
    table = load(data / name)
    schema = infer_schema(table)
    assert table.frame.shape == shape and schema.task == task
    if schema.features:
        check_schema(table.frame, schema)


def test_adult_as_csv_is_read_as_it_was(adult_csv, data):
    table = load(adult_csv)
    original = load(data / "adult.parquet").frame
    for name in original:
        assert table.frame[name].tolist() == original[name].tolist() or (
            table.frame[name].fillna("?").tolist() == original[name].fillna("?").tolist()
        )


def test_adult_has_sensible_roles(adult_csv):
    table = load(adult_csv)
    schema = infer_schema(table)
    assert schema.label == "income" and schema.column("split").role == "ignore"
    assert len(schema.features) == 14
    assert sum(c.kind == "numeric" for c in schema.features) == 6
    assert read_labels(table.frame, schema).names == ("<=50K", ">50K")
    assert check_schema(table.frame, schema) == []


def test_adult_has_the_papers_108_columns(adult_csv):
    table = load(adult_csv)
    schema = infer_schema(table)
    encoder = Encoder.fit(table.frame, schema, EncodingSettings(numeric="minmax"))
    X = encoder.transform(table.frame)
    assert X.shape == (48842, 108) and X.min() == 0 and X.max() == 1
    assert Encoder.fit(table.frame, schema).transform(table.frame).shape[1] <= 108


def test_adult_splits_like_the_paper(adult_csv):
    table = load(adult_csv)
    schema = infer_schema(table)
    labels = read_labels(table.frame, schema)
    choice = SplitSettings(
        target_query='split == "test"',
        target_size=400,
        source_query='split == "train"',
        source_size=1000,
        holdout_query="split == 'test'",
        holdout_size=2000,
    )
    (split,) = draw_splits(table.frame, labels, schema, choice)
    assert [len(split.target), len(split.source), len(split.holdout)] == [400, 1000, 2000]
    assert (split.source < 32561).all() and (split.target >= 32561).all()


def test_adult_written_back_is_the_same_file(adult_csv, tmp_path):
    table = load(adult_csv)
    cells = read_cells(adult_csv, table.format)
    assert len(cells) == len(table.frame)
    write_cells(cells, tmp_path / "again.csv", table.format)
    assert (tmp_path / "again.csv").read_bytes() == adult_csv.read_bytes()


def test_cifar_embeddings_are_standardised(data):
    table = load(data / "cifar10n_features.npz")
    schema = infer_schema(table)
    assert schema.label == "label" and schema.pixels == ()
    assert sum(c.embedding for c in schema.features) == 256
    assert "worse_label" not in [c.name for c in schema.features]
    encoder = Encoder.fit(table.frame, schema)
    X = encoder.transform(table.frame)[:, -256:]
    np.testing.assert_allclose(X.std(axis=0), 1, atol=1e-3)


def test_cifar_thumbnails_are_shown(data):
    table = load(data / "cifar10_thumbnails.parquet")
    schema = infer_schema(table)
    assert schema.image_column == "jpeg" and schema.column("image_index").role == "id"
    assert row_image(table.frame, schema, 4999).size == (32, 32)


def test_blog_label_is_a_quantity(data):
    table = load(data / "blog_feedback.parquet")
    schema = infer_schema(table, "comments")
    assert schema.task == "regression" and schema.pixels == ()
    check_schema(table.frame, schema)
