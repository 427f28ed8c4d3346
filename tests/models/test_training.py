"""Training: batches, Adam, initialisation."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from dvgs_core.models.dropout import Dropout
from dvgs_core.models.losses import CrossEntropy
from dvgs_core.models.network import mlp
from dvgs_core.models.training import Adam, batch_gradient, batches
from dvgs_core.models.workspace import Workspace


@given(
    rows=st.integers(1, 30),
    batch=st.integers(1, 40),
    members=st.integers(1, 3),
    epochs=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_every_epoch_shows_each_row_once_to_each_member(rows, batch, members, epochs, seed):
    steps = list(batches(rows, batch, members, epochs, seed))
    an_epoch = -(-rows // batch)
    assert len(steps) == epochs * an_epoch
    for epoch in range(epochs):
        seen = np.concatenate(steps[epoch * an_epoch : (epoch + 1) * an_epoch], axis=1)
        assert (np.sort(seen, axis=1) == np.arange(rows)).all()


def test_adam_takes_the_steps_torch_takes():
    g = torch.Generator().manual_seed(0)
    ours = torch.randn(2, 5, generator=g)
    theirs = ours.clone().requires_grad_()
    adam, reference = Adam(ours, 0.01), torch.optim.Adam([theirs], lr=0.01)
    for _ in range(20):
        gradient = torch.randn(2, 5, generator=g)
        adam.update(ours, gradient)
        theirs.grad = gradient
        reference.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-6)


def test_members_start_apart_and_do_not_depend_on_how_many_there_are():
    network = mlp(4, 3, layers=1, width=6)
    three = network.initial(3, seed=5)
    assert torch.equal(three[:1], network.initial(1, seed=5))
    assert not torch.equal(three[0], three[1])
    first_layer = network.layers(three)[0]
    assert first_layer.shape == (3, 5, 6)
    assert float(first_layer.abs().max()) <= 1 / np.sqrt(4)


def test_a_workspace_changes_no_bit_and_holds_no_result():
    network = mlp(5, 3, width=8, dropout=0.5, normalise=True)
    g = torch.Generator().manual_seed(0)
    parameters, workspace, results = network.initial(2, 0), None, []
    for step in range(4):
        X, y = torch.randn(2, 9, 5, generator=g), torch.randint(3, (2, 9), generator=g)
        ids, weights = torch.randint(2**40, (2, 9), generator=g), torch.full((2, 9), 1 / 9)
        workspace = workspace or Workspace(X)
        fresh, reused = (
            batch_gradient(
                network, parameters, CrossEntropy(), X, y, ids, weights,
                Dropout(0.5, 0, 0, step, 2, held), held,
            )
            for held in (None, workspace)
        )  # fmt: skip
        assert all(map(torch.equal, fresh, reused))
        results.append((reused, [part.clone() for part in reused]))
    for kept, copied in results:  # later steps have not written into what came before
        assert all(map(torch.equal, kept, copied))
