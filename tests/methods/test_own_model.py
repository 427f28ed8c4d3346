"""DVGS with a module of the user's: the built-in network's values where they are the same network,
and the same calls, files and stops for any other."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from torch import nn
from torch.nn import functional as F

from dvgs_core.errors import InputError
from dvgs_core.gradients.modules.factored import Factored
from dvgs_core.gradients.modules.whole import Mapped, OneByOne
from dvgs_core.methods.dvgs import DVGS
from dvgs_core.models.convolutional import autoencoder as pictures
from dvgs_core.models.convolutional import picture_shape
from dvgs_core.models.network import autoencoder, mlp
from dvgs_core.samples import Samples
from dvgs_core.stopping import CheckpointCount
from dvgs_core.trajectory import Replay, Trajectory, module_scorer

TRAINED = dict(restarts=2, epochs=6, target_batch=20, every=2)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Tensors this small only wait for torch's threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def rows(n, seed, task="classification"):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = rng.normal(size=(n, 4)) + 2 * y[:, None]
    return Samples(
        X, {"classification": y, "regression": X.sum(axis=1)}.get(task), 100 + np.arange(n)
    )


SOURCES = {task: rows(30, 1, task) for task in ("classification", "regression", "reconstruction")}
TARGETS = {task: rows(45, 2, task) for task in SOURCES}


class NormalisedRows(nn.Module):
    def forward(self, x):
        return F.layer_norm(x, x.shape[1:])


def like(network, seed):
    """A factory of torch's own layers that starts where the built-in network's members do."""
    member = itertools.count()

    def build():
        layers = []
        for index, (rows_in, columns) in enumerate(network.shapes):
            layers.append(nn.Linear(rows_in - 1, columns))
            # the built-in network counts its masks by layer, a module by its calls of dropout
            layers.append(nn.Dropout(network.dropout if network.activated[index] else 0.0))
            if network.activated[index]:
                layers.append(nn.Mish())
                layers += [NormalisedRows()] if network.normalise else []
        module = nn.Sequential(*layers)
        linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
        m = next(member) % 2
        for layer, start in zip(linear, network.layers(network.initial(2, seed)), strict=True):
            layer.weight.data.copy_(start[m, :-1].T)
            layer.bias.data.copy_(start[m, -1])
        return module

    return build


@pytest.mark.parametrize("dropout, normalise", [(0.0, False), (0.5, True)])
@pytest.mark.parametrize("task", SOURCES)
def test_a_module_like_the_built_in_network_has_its_values(task, dropout, normalise):
    shape = dict(layers=2, width=8, dropout=dropout, normalise=normalise)
    network = {
        "classification": partial(mlp, 4, 3),
        "regression": partial(mlp, 4, 1),
        "reconstruction": partial(autoencoder, 4, latent=2),
    }[task](**shape)
    built_in = DVGS(seed=3, latent=2, **shape, **TRAINED).value(SOURCES[task], TARGETS[task])
    own = DVGS(seed=3, model=like(network, 3), **TRAINED).value(SOURCES[task], TARGETS[task])
    np.testing.assert_allclose(own.values, built_in.values, atol=1e-5)
    np.testing.assert_allclose(own.trace, built_in.trace, atol=1e-4)
    np.testing.assert_allclose(own.target_loss, built_in.target_loss, rtol=1e-4)
    np.testing.assert_allclose(own.standard_error, built_in.standard_error, atol=1e-5)
    if task == "classification":
        np.testing.assert_allclose(own.label_values, built_in.label_values, atol=1e-5)


class Scaled(nn.Module):
    """Has a parameter of its own, which no layer's rule covers, and dropout called by hand."""

    def __init__(self, outputs):
        super().__init__()
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, outputs)
        self.scale = nn.Parameter(torch.ones(6))

    def forward(self, x):
        h = F.dropout(self.first(x).tanh(), 0.25, self.training) * self.scale
        return self.last(F.dropout(h, 0.5, self.training))


class Reversed(torch.autograd.Function):
    """An operation that torch cannot map."""

    @staticmethod
    def forward(ctx, x):
        return -x

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


class Unmappable(Scaled):
    def forward(self, x):
        return Reversed.apply(super().forward(x))


def channels(outputs):
    return nn.Sequential(
        nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 6, 2, padding=1), nn.Dropout2d(0.5), nn.ReLU(),
        nn.Flatten(), nn.Linear(54, outputs),
    )  # fmt: skip


MODULES = {
    "mapped": (Scaled, Mapped),
    "row by row": (Unmappable, OneByOne),
    "channels": (channels, Factored),
}
OUTPUTS = {"classification": 3, "regression": 1, "reconstruction": 4}


@pytest.mark.parametrize("name", MODULES)
def test_rows_keep_their_masks_in_every_way_of_computing(name, monkeypatch):
    make, way = MODULES[name]
    used = []
    run = way.products
    monkeypatch.setattr(way, "products", lambda *given: used.append(way) or run(*given))
    source, target = SOURCES["classification"], TARGETS["classification"]
    trajectory = DVGS(model=partial(make, 3), **TRAINED).fit(target)
    whole = trajectory.score(source)
    assert used
    picked = np.array([20, 3, 11])
    monkeypatch.setattr(module_scorer, "MEMORY_LIMIT", 1)  # one row a block
    late = trajectory.score(source.rows(picked))
    np.testing.assert_allclose(late.values, whole.values[picked], atol=1e-6)


def test_values_are_the_mean_of_similarities_of_plain_gradients():
    """By hand, dropout off, from the checkpoints that a trajectory keeps."""
    source, target = SOURCES["regression"], TARGETS["regression"]

    def absolute(output, y):
        return (output[:, 0] - y).abs()

    def build():
        return Scaled(1).eval()

    trajectory = DVGS(model=build, loss=absolute, similarity="projection", **TRAINED).fit(target)
    module, found = build(), []
    parameters = list(module.parameters())
    names = [name for name, _ in module.named_parameters()]
    X, y = torch.from_numpy(source.X).split(1), torch.from_numpy(source.y).split(1)
    for checkpoint in trajectory.checkpoints:
        for flat, pull in zip(checkpoint.parameters, checkpoint.gradient, strict=True):
            torch.nn.utils.vector_to_parameters(flat, parameters)
            for row, answer in zip(X, y, strict=True):
                gradients = torch.autograd.grad(absolute(module(row), answer).sum(), parameters)
                flat_row = torch.cat([gradient.flatten() for gradient in gradients])
                found.append(float(flat_row @ pull / pull.norm()))
    expected = np.reshape(found, (-1, len(X))).mean(axis=0)
    assert names == [name for name, _ in trajectory.plan.shapes]
    np.testing.assert_allclose(trajectory.score(source).values, expected, atol=1e-5)


@pytest.mark.parametrize("task", SOURCES)
def test_steps_value_and_a_loaded_trajectory_give_the_same_bits(task, tmp_path):
    source, target = SOURCES[task], TARGETS[task]
    build = partial(Scaled, OUTPUTS[task])
    before = torch.get_rng_state()
    method = DVGS(seed=3, model=build, **TRAINED)
    valuation = method.value(source, target)
    steps = list(method.steps(source, target))
    assert len(steps) == steps[0].total == 9 and steps[-1].stopped_because == "all checkpoints"
    np.testing.assert_array_equal(steps[-1].values, valuation.values)
    for keep in ("checkpoints", "replay"):
        trajectory = method.fit(target, keep=keep)
        trajectory.save(tmp_path / keep)
        loaded = Trajectory.load(tmp_path / keep, model=build)
        assert loaded.plan == trajectory.plan
        assert isinstance(loaded.checkpoints, Replay) == (keep == "replay")
        for one in (trajectory, loaded):
            np.testing.assert_array_equal(one.score(source).trace, valuation.trace)
    assert torch.equal(torch.get_rng_state(), before)
    assert (valuation.standard_error > 0).all()


def test_the_seed_decides_how_members_start():
    target = TARGETS["classification"]
    build = partial(Scaled, 3)
    first, again = (DVGS(seed=3, model=build, **TRAINED).fit(target) for _ in range(2))
    starts = first.checkpoints[0].parameters
    assert torch.equal(starts, again.checkpoints[0].parameters)
    assert not torch.equal(starts[0], starts[1])
    other = DVGS(seed=4, model=build, **TRAINED).fit(target)
    assert not torch.equal(starts, other.checkpoints[0].parameters)
    more = DVGS(seed=3, model=build, **TRAINED | dict(restarts=3)).fit(target)
    assert torch.equal(more.checkpoints[0].parameters[:2], starts)


def test_a_run_stops_by_rule_and_goes_on_after_any_step_with_the_same_bits(tmp_path):
    source, target = SOURCES["classification"], TARGETS["classification"]
    method = DVGS(model=partial(Scaled, 3), stop_when_settled=None, **TRAINED)
    whole, kept = [], []
    for step in method.steps(source, target):
        whole.append(step)
        kept.append(step.state())
    for at in (0, 4, 7):
        save_file(kept[at], tmp_path / "state")
        rest = list(method.steps(source, target, resume=load_file(tmp_path / "state")))
        for one, other in zip(rest, whole[at + 1 :], strict=True):
            np.testing.assert_array_equal(one.values, other.values)
            np.testing.assert_array_equal(one.label_values, other.label_values)
    short = method.value(source, target, stop=CheckpointCount(4))
    assert short.stopped_because == "checkpoint count"
    np.testing.assert_array_equal(short.values, whole[3].values)
    with pytest.raises(InputError, match="other settings"):
        wider = DVGS(model=lambda: nn.Linear(4, 3), **TRAINED)
        list(wider.steps(source, target, resume=kept[3]))


def test_some_of_the_parameters_can_be_compared_while_all_are_trained():
    source, target = SOURCES["classification"], TARGETS["classification"]
    build = partial(Scaled, 3)
    whole, last = (
        DVGS(model=build, parameters=chosen, **TRAINED).fit(target) for chosen in (None, "last.*")
    )
    for one, other in zip(whole.checkpoints, last.checkpoints, strict=True):
        assert torch.equal(one.parameters, other.parameters)
    assert last.plan.compared == ("last.weight", "last.bias")
    assert np.abs(whole.score(source).values - last.score(source).values).max() > 1e-3
    with pytest.raises(InputError, match="No parameter is called 'head"):
        DVGS(model=build, parameters=["head.*"], **TRAINED).fit(target)


def test_frozen_parameters_stay_and_are_told_apart_when_loading(tmp_path):
    def build():
        module = Scaled(3)
        module.first.requires_grad_(False)
        return module

    target = TARGETS["classification"]
    trajectory = DVGS(model=build, **TRAINED).fit(target)
    assert [name for name, _ in trajectory.plan.shapes] == ["scale", "last.weight", "last.bias"]
    trajectory.save(tmp_path / "frozen")

    def other():
        module = build()
        module.first.weight.data += 1
        return module

    Trajectory.load(tmp_path / "frozen", model=build)
    with pytest.raises(InputError, match="frozen parameters and buffers"):
        Trajectory.load(tmp_path / "frozen", model=other)
    with pytest.raises(InputError, match="no file holds"):
        Trajectory.load(tmp_path / "frozen")
    with pytest.raises(InputError, match="with the parameters scale"):
        Trajectory.load(tmp_path / "frozen", model=lambda: nn.Linear(4, 3))
    with pytest.raises(InputError, match="the default loss"):
        Trajectory.load(tmp_path / "frozen", model=build, loss=F.cross_entropy)
    DVGS(**TRAINED).fit(target).save(tmp_path / "built in")
    with pytest.raises(InputError, match="without a model"):
        Trajectory.load(tmp_path / "built in", model=build)


class Noisy(nn.Linear):
    def forward(self, x):
        return super().forward(x + torch.randn_like(x))


class Transposed(nn.Module):
    """Dropout on something that does not have the rows first."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(F.dropout(x.T, 0.5).T)


ONE = Scaled(3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(model=lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))), r"module\.eval"),
        (dict(model=ONE), "model=lambda: Scaled"),
        (dict(model=lambda: ONE), "a new module at every call"),
        (dict(model=lambda: 3), "returned a int"),
        (dict(model=lambda: nn.Linear(4, 2)), r"must give \(2, 3\).*gave \(2, 2\)"),
        (dict(model=lambda: nn.Linear(4, 3).double()), "must be float32"),
        (dict(model=lambda: nn.Linear(4, 3).requires_grad_(False)), "requires a gradient"),
        (dict(model=lambda: Noisy(4, 3)), r"random numbers other than dropout's.*model\.eval"),
        (dict(model=Transposed), "the 2 rows first"),
        (dict(model=partial(Scaled, 3), width=20), "width shape a built-in network"),
        (dict(model=partial(Scaled, 3), precision="bfloat16"), "precision=bfloat16"),
        (dict(loss=F.cross_entropy), "give model= too"),
        (dict(network="convolutional"), "data without a label"),
    ],
)
def test_what_cannot_be_valued_with_is_said_in_one_line(given, message):
    with pytest.raises(InputError, match=message) as caught:
        DVGS(**TRAINED | given).value(SOURCES["classification"], TARGETS["classification"])
    assert "\n" not in str(caught.value)


def picture_rows(n, seed, sides=32):
    """Smooth pictures of three channels, each a few waves; and noise of a known rate on each."""
    rng = np.random.default_rng(seed)
    place = np.linspace(0, 2 * np.pi, sides)
    waves = rng.integers(1, 3, (n, 3, 2))
    phase = rng.uniform(0, 2 * np.pi, (n, 3, 2))
    across = np.sin(waves[..., :1] * place + phase[..., :1])[..., None, :]
    down = np.sin(waves[..., 1:] * place + phase[..., 1:])[..., :, None]
    return (across * down).reshape(n, -1)


def test_the_convolutional_autoencoder_is_the_papers():
    module = pictures(3 * 32 * 32)
    shapes = [tuple(value.shape) for value in module.parameters() if value.ndim == 4]
    halves = (32, 3, 4, 4), (32, 32, 4, 4), (10, 32, 4, 4)
    assert shapes == [*halves, *halves[::-1]]
    x = torch.zeros(2, 3072)
    assert module(x).shape == x.shape and module[:6](x).shape == (2, 10, 4, 4)
    assert sum(isinstance(layer, nn.Mish) for layer in module) == 4
    assert picture_shape(64) == (1, 8) and picture_shape(3 * 64) == (3, 8)
    for features in (3073, 48, 7):
        with pytest.raises(InputError, match="square pictures"):
            picture_shape(features)


def test_noisy_pictures_have_low_values(tmp_path):
    rng = np.random.default_rng(0)
    X = picture_rows(60, 1)
    noisy = rng.random(60) < 0.3
    X[noisy] += rng.normal(size=(int(noisy.sum()), X.shape[1])) * 2
    source, target = Samples(X), Samples(picture_rows(24, 2))
    method = DVGS(network="convolutional", restarts=1, epochs=12, every=4)
    trajectory = method.fit(target)
    values = trajectory.score(source).values
    assert values[noisy].max() < np.median(values[~noisy])
    np.testing.assert_array_equal(method.value(source, target).values, values)
    trajectory.save(tmp_path / "pictures")
    loaded = Trajectory.load(tmp_path / "pictures")
    np.testing.assert_array_equal(loaded.score(source).values, values)


def test_experiment_seven_is_there():
    settings = DVGS.paper("cifar10-unsupervised").settings
    assert (settings.network, settings.restarts, settings.epochs) == ("convolutional", 1, 1000)
    assert (settings.target_batch, settings.every, settings.max_steps) == (1000, 1, None)
