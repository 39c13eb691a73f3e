"""Trainings against bare steps, written by hand, and a generator's pictures against its network's pass."""

import time

import torch
import torch.nn.functional as F
from timing import seconds

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.feature_decoder import FeatureDecoder
from cnnviz_widgets.engine.generators import ObjectGenerator, painted
from cnnviz_widgets.methods.generation._views import mirrored, rendered
from cnnviz_widgets.methods.interpretable._parts import CELLS, PartNetwork
from cnnviz_widgets.methods.interpretable.train_interpretable import FEWEST_OBJECTS

PICTURES, BATCH, MOST = 64, 16, 1.1
FEW = 8  # pictures in a step of a decoder: each is 128 px wide


def by_adam(parameters, loss):
    """A step."""
    adam = torch.optim.Adam(parameters, 1e-3, foreach=True)

    def step():
        adam.zero_grad()
        loss().backward()
        adam.step()

    return step


def generator_floor():
    network, views = ObjectGenerator(), rendered(PICTURES, 0)
    sides = views, mirrored(views)

    def loss():
        chosen = torch.randint(PICTURES, (BATCH,))
        half = BATCH // 2
        pairs = zip(*sides, strict=True)
        parameters, shade, cover = (torch.cat([one[chosen[:half]], other[chosen[half:]]]) for one, other in pairs)
        drawn = network(parameters)
        return F.mse_loss(drawn[:, 0], shade) + 0.1 * F.binary_cross_entropy_with_logits(drawn[:, 1], cover)

    return by_adam(network.parameters(), loss)


def decoder_floor(net, layer, images):
    """The pictures are tensors, and are cropped and mirrored by slices; the pass ends at the layer."""
    front = torch.nn.Sequential(*[*net.module.children()][: [*dict(net.module.named_children())].index(layer) + 1])
    shape, size, side = net.layer(layer).shape, net.input_size, round(1.25 * max(net.input_size))
    large = F.interpolate(torch.stack(images), side, mode="bicubic").clamp(0, 1)
    decoder = FeatureDecoder(shape, size)

    def crop(number, down, across, mirror):
        square = large[number, :, down : down + size[0], across : across + size[1]]
        return square.flip(-1) if mirror else square

    def loss():
        numbers, places = torch.randint(len(large), (FEW,)), torch.randint(side - max(size) + 1, (FEW, 2))
        drawn = zip(numbers.tolist(), *places.T.tolist(), torch.rand(FEW).lt(0.5).tolist(), strict=True)
        pictures = torch.stack([crop(*one) for one in drawn])
        with torch.no_grad():
            features = front(net.normalize(pictures).contiguous(memory_format=torch.channels_last))
        return F.mse_loss(decoder(features), pictures)

    return by_adam(decoder.parameters(), loss)


def interpretable_floor(objects):
    """Three networks; the loss is that of the paper, in one product of the maps and the templates."""
    pictures = torch.stack([one.image for one in objects])
    kinds = sorted({one.label for one in objects})
    labels = torch.tensor([kinds.index(one.label) for one in objects])
    templates = cnnviz.filter_templates(CELLS, 0.5 / CELLS**2).flatten(1).float()

    def one(masked, weight):
        network = PartNetwork(16, len(kinds), masked)

        def loss():
            chosen = torch.randint(len(pictures), (BATCH,))
            maps = network.maps(pictures[chosen])
            found = F.cross_entropy(network.classified(maps), labels[chosen])
            if not weight:
                return found
            given = (CELLS**2 * maps.flatten(2) @ templates.T).log_softmax(0)
            overall = given.logsumexp(2, keepdim=True) - torch.tensor(len(templates)).log()
            return found - weight * (given.exp() * (given - overall)).sum((0, 2)).mean() / len(templates)

        return by_adam(network.parameters(), loss)

    steps = [one(False, 0), one(False, 0.1), one(True, 0.1)]
    return lambda: [step() for step in steps]


def several(step):
    return lambda: [step() for _ in range(4)]


def test_a_training_step_costs_little_more_than_the_bare_step(compare):
    states = cnnviz.train_generator(pictures=PICTURES, batch=BATCH, steps=10**6)
    next(states)
    run = several(lambda: next(states)), several(generator_floor())
    assert compare("four steps of train_generator, by hand", *run, 9) < MOST


def test_a_step_of_a_decoder_costs_little_more_than_the_bare_step(compare):
    net, layer = cnnviz.load_network("mini"), "relu3"
    images = [one.image for one in cnnviz.objects(PICTURES)]
    states = cnnviz.train_decoder(net, layer, torch.stack(images), batch=FEW, steps=10**6)
    next(states)
    run = several(lambda: next(states)), several(decoder_floor(net, layer, images))
    assert compare("four steps of train_decoder, by hand", *run, 9) < MOST


def test_a_step_of_three_trainings_costs_little_more_than_the_bare_steps(compare):
    objects = [*cnnviz.objects(FEWEST_OBJECTS)]
    states = cnnviz.train_interpretable(objects, batch=BATCH, steps=10**6)
    next(states)
    run = several(lambda: next(states)), several(interpretable_floor(objects))
    assert compare("four steps of train_interpretable, by hand", *run, 9) < MOST


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
