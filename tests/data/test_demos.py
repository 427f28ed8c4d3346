"""The demos are ordinary files, and their truth is true."""

import numpy as np

from dvgs_core.data import DEMOS, check_schema, infer_schema, load, read_labels, row_image


def test_digits(tmp_path):
    from sklearn.datasets import load_digits

    files = DEMOS["digits"].write(tmp_path)
    table = load(files.path)
    schema = infer_schema(table)
    assert check_schema(table.frame, schema) == []
    assert (schema.label, schema.task, schema.image_shape) == ("label", "classification", (8, 8))
    assert len(schema.features) == 64 and table.frame.shape == (1797, 65)
    labels = read_labels(table.frame, schema)
    assert labels.names == tuple("0123456789")
    digits = load_digits()
    truth = files.truth
    assert truth["corrupted"].sum() == round(0.1 * 1797)
    assert (truth["original_label"] == digits.target).all()
    wrong = table.frame["label"].to_numpy() != digits.target
    assert (wrong == truth["corrupted"]).all() and (truth["row"] == np.arange(1797)).all()
    image = row_image(table.frame, schema, 5)
    np.testing.assert_array_equal(np.array(image), np.rint(digits.images[5] / 16 * 255))


def test_breast_cancer(tmp_path):
    files = DEMOS["breast-cancer"].write(tmp_path)
    assert files.truth is None
    table = load(files.path)
    schema = infer_schema(table)
    assert schema.label == "diagnosis" and len(schema.features) == 30
    assert read_labels(table.frame, schema).names == ("benign", "malignant")
    assert check_schema(table.frame, schema) == []


def test_writing_twice_gives_the_same_bytes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for demo in DEMOS.values():
        one, two = demo.write(tmp_path / "a"), demo.write(tmp_path / "b")
        assert one.path.read_bytes() == two.path.read_bytes()
