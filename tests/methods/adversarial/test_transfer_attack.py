"""Transfer: the diagonal is PGD's own, the noise has the same norm."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import cnnviz_widgets as cnnviz


@pytest.fixture(scope="module")
def networks():
    return [cnnviz.load_network(name) for name in ("small_plain", "small_robust")]


@pytest.fixture(scope="module")
def photos():
    return [one for one in cnnviz.samples() if one not in cnnviz.samples().styles]


@pytest.fixture(scope="module")
def matrix(networks, photos):
    return cnnviz.last(cnnviz.transfer_attack(networks, photos, epsilon=8 / 255, steps=8))


def test_the_diagonal_is_the_attack_itself(matrix, networks):
    """The same pictures, by ``pgd`` alone: its successes are those of the matrix."""
    for network in networks:
        truth = [network.class_index(name) for name in matrix.names]
        *_, attack = cnnviz.pgd(network, matrix.before[network.name], epsilon=8 / 255, truth=truth, steps=8)
        assert torch.equal(attack.values, matrix.pictures[network.name])
        assert sum(attack.success) == matrix.counted[network.name, network.name].hits


def test_every_row_has_the_same_norm_and_8_bits(matrix):
    for row, pictures in matrix.pictures.items():
        change = (pictures - matrix.before[row]).abs()
        assert float(change.max()) <= 8 / 255 + 1e-6, row
        assert torch.equal((pictures * 255).round() / 255, pictures), row
    before = matrix.before["noise"]
    noise = (matrix.pictures["noise"] - before).abs()
    inside = (before > 8 / 255) & (before < 1 - 8 / 255)
    assert torch.allclose(noise[inside], torch.tensor(8 / 255), atol=1e-6)


def test_what_the_numbers_say(matrix):
    assert matrix.counted["small_plain", "small_plain"].share > 0.8
    assert matrix.counted["noise", "small_plain"].share < 0.3
    robust, plain = (matrix.counted[name, name].hits for name in ("small_robust", "small_plain"))
    assert robust < plain
    assert matrix.values.shape == (4, 2)
    for (row, column), counted in matrix.counted.items():
        changed = sum(old != new for old, new in zip(matrix.names, matrix.answers[row, column], strict=True))
        assert counted.hits == changed
        assert counted.total == len(matrix.names)


def test_one_step_is_fgsm(networks, photos):
    """Of one network by ``fgsm``, of all by the sign of the sum of their gradients, by hand."""
    matrix = cnnviz.last(cnnviz.transfer_attack(networks, photos, attack="fgsm", epsilon=4 / 255))
    truth = [networks[0].class_index(name) for name in matrix.names]
    for network in networks:
        attack = cnnviz.fgsm(network, matrix.before[network.name], 4 / 255, truth=truth)
        assert torch.equal(attack.values, matrix.pictures[network.name])
    leaf = matrix.before["all of them"].clone().requires_grad_()
    losses = [F.cross_entropy(network.module(network.normalize(leaf)), torch.tensor(truth)) for network in networks]
    (gradient,) = torch.autograd.grad(sum(losses), leaf)
    wanted = (leaf.detach() + 4 / 255 * gradient.sign()).clamp(0, 1)
    differs = (matrix.pictures["all of them"] - wanted).abs() > 1e-6
    assert float(differs.float().mean()) < 1e-3  # signs of gradients that are almost 0


def test_a_row_is_known_when_its_attack_is_at_its_end(networks, photos):
    states = list(cnnviz.transfer_attack(networks, photos[:12], steps=3))
    assert [one.step for one in states] == list(range(1, 3 * 3 + 2))
    assert [len(one.pictures) for one in states] == [0, 0, 1, 1, 1, 2, 2, 2, 3, 4]
    assert [int(one.values.isnan().sum()) for one in states[::3]] == [8, 6, 4, 0]
    assert states[0].content().count == states[-1].content().count == 5 * 3


def test_a_copy_under_another_name_is_fooled_alike(networks, photos):
    twin = cnnviz.Network(networks[0].module, input_size=64, classes=list(networks[0].classes), name="twin")
    found = cnnviz.last(cnnviz.transfer_attack([networks[0], twin], photos[:12], steps=4))
    assert found.counted["small_plain", "twin"] == found.counted["small_plain", "small_plain"]
    assert found.answers["small_plain", "twin"] == found.answers["small_plain", "small_plain"]


class Halves(nn.Module):
    """Of fifty classes two, so that networks agree on many pictures; ``lead`` is that of the first in logits."""

    def __init__(self, module, lead=0.0):
        super().__init__()
        self.module, self.lead = module, nn.Buffer(torch.tensor([lead, 0.0]))

    def forward(self, pictures):
        return self.module(pictures).unflatten(1, (2, -1)).logsumexp(2) + self.lead


def test_the_column_of_an_untrained_network_is_at_chance(photos):
    """What fools the trained ones moves it no more than noise does; an attack of its own nearly always does."""
    trained = [cnnviz.load_network(name) for name in ("small_plain", "small_residual")]
    prepared = torch.stack([trained[0].prepare(cnnviz.load_image(one))[0] for one in photos])
    corners = torch.cat([prepared[..., y : y + 43, x : x + 43] for y in (0, 21) for x in (0, 21)])

    def halved(module, name, lead=0.0):
        how = {"input_size": 64, "mean": trained[0].mean, "std": trained[0].std, "classes": ["first", "second"]}
        return cnnviz.Network(Halves(module, lead), name=name, **how)

    torch.manual_seed(0)
    module = copy.deepcopy(trained[0].module)
    for part in module.modules():
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()
    first, second = halved(module, "untrained").logits(corners).T
    untrained = halved(module, "untrained", float((second - first).median()))  # else it always answers the same
    networks = [*(halved(one.module, one.name) for one in trained), untrained]
    matrix = cnnviz.last(cnnviz.transfer_attack(networks, corners, steps=5))
    assert len(matrix.names) >= 30
    (_, most), names = matrix.counted["noise", "untrained"].interval, [one.name for one in trained]
    for name, other in zip(names, reversed(names), strict=True):
        assert matrix.counted[name, "untrained"].share <= most < matrix.counted[name, other].share
    assert matrix.counted["untrained", "untrained"].interval[0] > 0.75


def test_what_cannot_be_compared_is_refused(networks, photos):
    with pytest.raises(cnnviz.UserError, match="networks must be at least two"):
        cnnviz.transfer_attack(networks[:1], photos)
    with pytest.raises(cnnviz.UserError, match="networks must have different names"):
        cnnviz.transfer_attack([networks[0], networks[0]], photos)
    other = cnnviz.Network(networks[0].module, input_size=64, name="other")
    with pytest.raises(cnnviz.UserError, match="networks must all have the same classes"):
        cnnviz.transfer_attack([networks[0], other], photos)
