"""Data sets from OpenML, where a file is missing."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dvgs_core.errors import InputError
from dvgs_core.paper import data as sets
from dvgs_core.paper.data import DataSets


@pytest.fixture
def openml(monkeypatch):
    """fetched[name] is what fetch_openml gives under that name."""
    fetched = {}

    def fetch_openml(name, **_):
        return SimpleNamespace(frame=fetched[name])

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch_openml)
    return fetched


@pytest.mark.parametrize("train_first", [True, False])
def test_adult_is_split_as_it_was_published_whichever_part_comes_first(openml, train_first):
    fnlwgt = np.full(48_842, 5)
    fnlwgt[0 if train_first else 16_281] = 77_516  # the first row of the training part
    openml["adult"] = pd.DataFrame({"fnlwgt": fnlwgt, "class": "<=50K"})
    frame = DataSets(None).adult
    assert (frame["split"] == "train").sum() == 32_561
    assert frame.loc[frame["fnlwgt"] == 77_516, "split"].tolist() == ["train"]
    assert frame["split"].iloc[0] == ("train" if train_first else "test")
    assert "income" in frame


def test_adult_in_an_unknown_order_is_refused(openml):
    openml["adult"] = pd.DataFrame({"fnlwgt": np.zeros(48_842), "class": "<=50K"})
    with pytest.raises(InputError, match="not in a known order"):
        _ = DataSets(None).adult


def test_blog_of_another_shape_is_refused(openml):
    openml["BlogFeedback"] = pd.DataFrame({"a": [1.0]})
    with pytest.raises(InputError, match=r"shape \(1, 1\)"):
        _ = DataSets(None).blog


def test_blog_is_split_and_its_label_is_whether_there_are_comments(openml):
    values = np.zeros((60_021, 281), np.float32)
    values[[0, 60_020], 280] = 3, 1
    openml["BlogFeedback"] = pd.DataFrame(values)
    frame = DataSets(None).blog
    assert (frame["split"] == "train").sum() == 52_397
    assert frame.index[frame["comments"] == "some"].tolist() == [0, 60_020]


def test_pictures_are_planes_with_the_papers_scale(openml):
    pixels = np.zeros((2, 3072))
    pixels[:, 1024:2048] = 255
    openml["CIFAR_10"] = pd.DataFrame(pixels).assign(**{"class": "cat"})
    planes = DataSets(None).pictures.reshape(2, 3, 1024)
    expected = [
        (light - mean) / spread
        for light, mean, spread in zip(
            (0, 1, 0), sets.PICTURE_MEAN, sets.PICTURE_SPREAD, strict=True
        )
    ]
    assert planes == pytest.approx(np.broadcast_to(np.array(expected)[:, None], (2, 3, 1024)))


def test_what_is_not_at_openml_is_one_line():
    with pytest.raises(InputError, match=r"cifar10n_features.npz is missing .*set DVGS_DATA"):
        _ = DataSets(None).cifar_features
    with pytest.raises(InputError, match="is missing"):
        DataSets(None).fingerprint(sets.DOSES)
    assert DataSets(None).fingerprint(sets.ADULT) == "openml adult 2"
