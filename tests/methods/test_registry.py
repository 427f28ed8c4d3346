"""What is known of each method, and how one's own becomes one of them."""

from collections.abc import Iterator

import numpy as np
import pytest
from pydantic import Field

from dvgs_core import DVGS, methods, value_frame
from dvgs_core.errors import InputError
from dvgs_core.methods import registry
from dvgs_core.methods.base import Base, agreed, only_step
from dvgs_core.samples import Samples
from dvgs_core.settings import Settings, fields

ORDER = [
    *("dvgs", "random", "loo", "tmc-shapley", "dvrl", "knn-shapley", "data-oob", "confidence"),
    *("confident-learning", "outlier", "in-run", "apc", "column"),
]


def test_methods_come_in_a_fixed_order_and_say_what_they_are():
    assert [name for name in methods.names() if name in ORDER] == ORDER
    for name in methods.names():
        entry = methods.entry(name)
        assert entry.title and entry.help.endswith(".") and "\n" not in entry.help
        assert set(entry.tasks) <= set(registry.TASKS) and entry.tasks
        for setting in fields(entry.settings):
            assert setting.title != setting.name and setting.help.endswith((".", ")"))
        for task in registry.TASKS:
            assert (name in methods.names(task)) == (task in entry.tasks)


def test_a_method_says_whether_it_can_go_on_from_the_middle():
    assert methods.entry("dvgs").resumes and not methods.entry("random").resumes


@pytest.mark.parametrize("name", ORDER)
def test_a_task_that_a_method_does_not_serve_is_refused_in_one_line(name):
    rows = {
        "classification": Samples(np.ones((4, 2)), np.array([0, 1, 0, 1])),
        "regression": Samples(np.ones((4, 2)), np.array([0.5, 1, 2, 3])),
        "reconstruction": Samples(np.ones((4, 2))),
    }
    entry = methods.entry(name)
    for task in set(registry.TASKS) - set(entry.tasks):
        with pytest.raises(InputError, match=f"{name} is for .* Methods for it: dvgs") as refused:
            methods.create(name).value(rows[task], rows[task])
        assert "\n" not in str(refused.value)


@pytest.fixture
def norm():
    class NormSettings(Settings):
        power: float = Field(default=2.0, gt=0, le=10, title="Power", description="Of the norm.")

    @methods.register("norm", NormSettings, tasks=("classification", "reconstruction"))
    class Norm(Base[NormSettings]):
        """How short the row is.

        More words.
        """

        declared = NormSettings

        def steps(self, source, target, *, classes=None) -> Iterator:
            agreed("norm", source, target, classes)
            yield only_step(-np.linalg.norm(source.X, ord=self.settings.power, axis=1))

    yield Norm
    del registry._entries["norm"]


def test_a_method_of_ones_own_is_one_like_the_others(norm):
    import pandas as pd

    assert methods.names()[-1] == "norm" and "norm" not in methods.names("regression")
    entry = methods.entry("norm")
    assert (entry.title, entry.help) == ("norm", "How short the row is.")
    X = np.array([[3.0, 4], [0, 1], [6, 8]])
    found = methods.create("norm", power=1).value(Samples(X), Samples(X))
    np.testing.assert_allclose(found.values, [-7, -1, -14])
    assert found.rank.tolist() == [2, 3, 1]
    with pytest.raises(InputError, match="power"):
        methods.create("norm", power=11)
    with pytest.raises(InputError, match="same features"):
        methods.create("norm").value(Samples(X), Samples(X[:, :1]))
    frame = pd.DataFrame({"a": np.arange(20.0), "b": 1.0 + np.arange(20) % 3})
    valued = value_frame(frame, method="norm", target=0.5, encoding="standard")
    assert (valued["value"].notna() == (valued["role"] == "source")).all()
    numbers = frame.assign(y=np.random.default_rng(0).normal(size=20))
    with pytest.raises(InputError, match="norm is for classification and reconstruction"):
        value_frame(numbers, label="y", method="norm")


def test_a_name_can_be_taken_once_and_tasks_must_be_known(norm):
    with pytest.raises(ValueError, match="registered already"):
        methods.register("norm", norm.declared)(norm)
    with pytest.raises(ValueError, match="tasks of 'other'"):
        methods.register("other", norm.declared, tasks=("clustering",))
    with pytest.raises(InputError, match="no method 'other'; known: dvgs, random"):
        methods.entry("other")


def test_presets_are_settings_of_their_method_and_the_papers_only_where_it_has_them():
    assert [p.name for p in methods.entry("random").presets()] == ["auto"]
    with_paper = [
        n for n in methods.names() if "paper" in {p.name for p in methods.entry(n).presets()}
    ]
    assert with_paper == ["dvgs", "loo", "tmc-shapley", "dvrl"]
    for name in methods.names():
        for preset in methods.entry(name).presets():
            methods.create(name, **preset.settings)
    paper = methods.entry("dvgs").preset("paper", "classification").settings
    expected = DVGS.paper("adult-labels").settings
    assert methods.create("dvgs", **paper).settings == expected
    unlabelled = methods.entry("dvgs").preset("paper", "reconstruction").settings
    assert methods.create("dvgs", **unlabelled).settings == DVGS.paper("lincs-noise").settings
    with pytest.raises(InputError, match="no preset 'paper' for regression; it has auto, quick"):
        methods.entry("loo").preset("paper", "regression")


def test_a_preset_with_an_unknown_setting_is_refused_when_it_is_registered():
    class NoSettings(Settings):
        pass

    with pytest.raises(InputError, match="no setting 'restarts'"):
        methods.register("x", NoSettings, presets=[methods.Preset("quick", {"restarts": 1}, "")])
