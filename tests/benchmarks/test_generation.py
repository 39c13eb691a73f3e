"""A step of a generator's training against the bare step: the same losses, gradients and Adam, written by hand."""

import torch
import torch.nn.functional as F

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.generators import ObjectGenerator
from cnnviz_widgets.methods.generation._views import mirrored, rendered

PICTURES, BATCH, MOST = 64, 16, 1.1


def floor():
    network, views = ObjectGenerator(), rendered(PICTURES, 0)
    sides = views, mirrored(views)
    adam = torch.optim.Adam(network.parameters(), 1e-3, foreach=True)

    def step():
        chosen = torch.randint(PICTURES, (BATCH,))
        half = BATCH // 2
        pairs = zip(*sides, strict=True)
        parameters, shade, cover = (torch.cat([one[chosen[:half]], other[chosen[half:]]]) for one, other in pairs)
        drawn = network(parameters)
        mask = F.binary_cross_entropy_with_logits(drawn[:, 1], cover)
        loss = F.mse_loss(drawn[:, 0], shade) + 0.1 * mask
        adam.zero_grad()
        loss.backward()
        adam.step()

    return step


def test_a_training_step_costs_little_more_than_the_bare_step(compare):
    states = cnnviz.train_generator(pictures=PICTURES, batch=BATCH, steps=10**6)
    next(states)

    def several(step):
        return lambda: [step() for _ in range(10)]

    run = several(lambda: next(states)), several(floor())
    assert compare("ten steps of train_generator, by hand", *run, 9) < MOST
