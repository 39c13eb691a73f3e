"""A generator's training against the bare step, written by hand, and its pictures against the network's pass."""

import time

import torch
import torch.nn.functional as F
from timing import seconds

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.generators import ObjectGenerator, painted
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


def test_a_moved_slider_is_answered_within_50_ms_of_processor_time(compare, record_speed):
    """With the true rendering, the difference and the mask; and of the drawing, little more than the network's pass."""
    panel = cnnviz.panels.Generator()
    draw, module = cnnviz.load_generator(), cnnviz.load_generator().module
    parameters, color = rendered(16, 0).parameters[:1], torch.rand(1, 3)

    def bare():
        with torch.no_grad():
            return painted(module(parameters), color)

    azimuths = iter(range(360))
    ratio = compare("a picture by a generator, by its network", lambda: draw(azimuth=next(azimuths)), bare, 31)
    assert ratio < 2
    spent = []
    for azimuth in range(20):
        panel.azimuth = float(azimuth)
        start = time.process_time()
        panel.compute(panel._now())
        spent.append(time.process_time() - start)
    panel.close()
    record_speed("a moved slider of Generator, by a bare pass", 1000 * min(spent), min(spent) / seconds(bare))
    assert sorted(spent)[len(spent) // 2] < 0.05
