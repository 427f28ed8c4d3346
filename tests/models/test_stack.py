"""Training in lock step: every member comes out as it would alone, and as plain torch has it."""

import numpy as np
import pytest
import torch
from torch import nn

from dvgs_core.errors import InputError
from dvgs_core.models import masks
from dvgs_core.models.network import NORMALISATION_EPSILON, Network, autoencoder, mlp
from dvgs_core.models.stack import Member, Recipe, Rows, Stack, outputs
from dvgs_core.models.threads import operation_threads


def rows(n=30, task="classification", seed=0) -> Rows:
    rng = np.random.default_rng(seed)
    X = torch.from_numpy(rng.normal(size=(n, 4)).astype(np.float32))
    y = {
        "classification": torch.from_numpy(rng.integers(0, 3, n)),
        "regression": (X @ torch.tensor([1.0, -1, 2, 0]))[:, None],
        "reconstruction": X,
    }[task]
    return Rows(X, y, torch.arange(n))


def network(task="classification", **shape) -> Network:
    if task == "reconstruction":
        return autoencoder(4, layers=1, width=8, latent=2, **shape)
    return mlp(4, 3 if task == "classification" else 1, layers=2, width=8, **shape)


def trained(recipe: Recipe, given: Rows, members: list[Member]) -> torch.Tensor:
    """(members, parameters), in the order of the members."""
    found = torch.empty(len(members), recipe.network.parameters)
    with Stack(recipe, given) as stack:
        for which, parameters in stack.train(members, lambda p, _: p):
            found[which] = parameters
    return found


def drawn_members(n, count, seed, *, weighted=False) -> list[Member]:
    """Members with from 5 to n rows of their own."""
    rng = np.random.default_rng(seed)
    members = []
    for number in range(count):
        positions = rng.permutation(n)[: rng.integers(5, n + 1)]
        weights = rng.random(len(positions)).astype(np.float32) if weighted else None
        members.append(Member(positions, number // 2, weights))
    return members


@pytest.mark.parametrize("task", ["classification", "regression", "reconstruction"])
@pytest.mark.parametrize("batch", [None, 7])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_member_of_a_stack_comes_out_as_it_would_alone(task, batch, weighted):
    given = rows(task=task)
    shape = network(task, dropout=0.3, normalise=True)
    recipe = Recipe(shape, task, epochs=6, learning_rate=0.01, batch=batch, balanced=True)
    members = drawn_members(30, 9, 1, weighted=weighted)
    together = trained(recipe, given, members)
    for index, member in enumerate(members):
        alone = trained(recipe, given, [member])[0]
        torch.testing.assert_close(together[index], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch", [None, 8])
def test_members_that_share_rows_and_seed_come_out_as_with_copies_of_them(batch):
    given, everything = rows(), np.arange(30)
    recipe = Recipe(network(dropout=0.4), "classification", epochs=5, batch=batch, balanced=True)
    weights = 1 - np.eye(30, dtype=np.float32)
    sharing = [Member(everything, 3, w) for w in weights]
    copies = [Member(everything.copy(), 3, w) for w in weights]
    torch.testing.assert_close(
        trained(recipe, given, sharing), trained(recipe, given, copies), rtol=1e-4, atol=1e-5
    )


def torch_loop(recipe: Recipe, given: Rows, member: Member) -> torch.Tensor:
    """The slow reference: torch's own layers, autograd and Adam; (parameters,)."""
    shape = recipe.network
    start = shape.layers(shape.initial(1, member.seed))
    modules = [nn.Linear(*widths) for widths in zip(shape.widths, shape.widths[1:], strict=False)]
    for module, layer in zip(modules, start, strict=True):
        module.weight.data = layer[0, :-1].T.clone()
        module.bias.data = layer[0, -1].clone()
    adam = torch.optim.Adam([p for m in modules for p in m.parameters()], lr=recipe.learning_rate)
    rng = np.random.default_rng([member.seed, 1])
    n = len(member.positions)
    steps = []
    for _ in range(recipe.epochs):
        order = np.arange(n) if recipe.batch is None or recipe.batch >= n else rng.permutation(n)
        steps += np.split(order, range(recipe.batch or n, n, recipe.batch or n))
    for order in steps[: recipe.most_steps]:
        at = member.positions[order]
        a = given.X[at]
        for module, activated in zip(modules, shape.activated, strict=True):
            a = module(a)
            if activated:
                a = nn.functional.mish(a)
                if shape.normalise:
                    a = nn.functional.layer_norm(a, a.shape[1:], eps=NORMALISATION_EPSILON)
        y = given.y[at]
        if recipe.task == "classification":
            losses = nn.functional.cross_entropy(a, y, reduction="none")
        else:
            losses = (a - y).square().mean(dim=1)
        weights = torch.ones(len(at))
        if member.weights is not None:
            weights = torch.from_numpy(member.weights[order])
        if recipe.balanced:
            totals = {int(c): weights[y == c].sum() for c in y.unique()}
            weights = weights / torch.stack([totals[int(c)] for c in y])
        adam.zero_grad()
        (losses @ weights / weights.sum()).backward()
        adam.step()
    parts = [torch.cat([m.weight.data.T, m.bias.data[None]]).flatten() for m in modules]
    return torch.cat(parts)


@pytest.mark.parametrize("task", ["classification", "regression", "reconstruction"])
@pytest.mark.parametrize("batch", [None, 9])
@pytest.mark.parametrize("normalise", [False, True])
def test_training_is_what_torch_does(task, batch, normalise):
    given = rows(task=task)
    recipe = Recipe(
        network(task, normalise=normalise),
        task,
        epochs=8,
        learning_rate=0.01,
        batch=batch,
        most_steps=15,
        balanced=task == "classification",
    )
    members = drawn_members(30, 5, 2, weighted=True)
    together = trained(recipe, given, members)
    for index, member in enumerate(members):
        with operation_threads(0):
            expected = torch_loop(recipe, given, member)
        torch.testing.assert_close(together[index], expected, rtol=1e-3, atol=1e-4)


def test_outputs_are_those_of_the_network_without_dropout():
    shape, X = network(dropout=0.5, normalise=True), rows().X
    parameters = shape.initial(3, 0)
    found = outputs(shape, parameters, X)
    for member in range(3):
        a = X
        for layer, activated in zip(shape.layers(parameters), shape.activated, strict=True):
            a = a @ layer[member, :-1] + layer[member, -1]
            if activated:
                a = nn.functional.mish(a)
                a = (a - a.mean(1, keepdim=True)) / (
                    a.var(1, unbiased=False, keepdim=True) + NORMALISATION_EPSILON
                ).sqrt()
        torch.testing.assert_close(found[member], a, rtol=1e-4, atol=1e-5)


def test_a_row_without_weight_is_as_good_as_gone():
    given = rows()
    recipe = Recipe(network(), "classification", epochs=10, learning_rate=0.01, balanced=True)
    without = np.delete(np.arange(30), 11)
    weights = np.ones(30, dtype=np.float32)
    weights[11] = 0
    members = [Member(np.arange(30), 5, weights), Member(without, 5)]
    masked, removed = trained(recipe, given, members)
    torch.testing.assert_close(masked, removed, rtol=1e-4, atol=1e-5)
    whole = trained(recipe, given, [Member(np.arange(30), 5)])[0]
    assert float((whole - removed).abs().max()) > 1e-3


def test_weights_of_zero_leave_a_member_as_it_began():
    given, recipe = rows(), Recipe(network(), "classification", epochs=3, balanced=True)
    nothing = Member(np.arange(30), 4, np.zeros(30, dtype=np.float32))
    torch.testing.assert_close(
        trained(recipe, given, [nothing]), recipe.network.initial(1, 4), rtol=0, atol=0
    )


def test_no_more_steps_than_allowed():
    given = rows()
    short = Recipe(network(), "classification", epochs=2, batch=10)
    capped = Recipe(network(), "classification", epochs=50, batch=10, most_steps=6)
    member = Member(np.arange(30), 0)
    assert short.steps(30) == capped.steps(30) == 6
    torch.testing.assert_close(
        trained(short, given, [member]), trained(capped, given, [member]), rtol=0, atol=0
    )


def test_training_that_goes_out_of_bounds_is_said():
    given = rows(task="regression")
    huge = Rows(given.X * 1e25, given.y * 1e25, given.ids)
    recipe = Recipe(network("regression"), "regression", epochs=3)
    with pytest.raises(InputError, match=r"Lower the learning rate; it is 0\.001"):
        trained(recipe, huge, [Member(np.arange(30), 0)])


def test_a_member_without_rows_is_refused_and_threads_are_left_as_they_were():
    before = torch.get_num_threads()
    recipe = Recipe(network(), "classification")
    with pytest.raises(ValueError, match="at least one row"):
        trained(recipe, rows(), [Member(np.arange(0), 0)])
    trained(recipe, rows(), drawn_members(30, 6, 0))
    assert torch.get_num_threads() == before


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_same_members():
    given, recipe = rows(), Recipe(network(dropout=0.3), "classification", epochs=5, batch=8)
    there = Rows(given.X.cuda(), given.y.cuda(), given.ids.cuda())
    members = drawn_members(30, 9, 1)
    on_gpu = torch.empty(9, recipe.network.parameters)
    with Stack(recipe, there) as stack:
        for which, parameters in stack.train(members, lambda p, _: p.cpu()):
            on_gpu[which] = parameters
    torch.testing.assert_close(on_gpu, trained(recipe, given, members), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("batch", [None, 8])
def test_masks_that_are_kept_change_nothing(batch, monkeypatch):
    given = rows()
    recipe = Recipe(network(dropout=0.4), "classification", epochs=5, batch=batch)
    members = [Member(m.positions, 3) for m in drawn_members(30, 6, 1)]
    with_masks = trained(recipe, given, members)
    monkeypatch.setattr(masks, "_MOST_BYTES", 0)
    assert torch.equal(trained(recipe, given, members), with_masks)
