"""AdvGAN: its norm after rounding, its losses by hand, its successes as counted by hand, and how it goes on."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.crops import Crops
from cnnviz_widgets.engine.training import initialized
from cnnviz_widgets.methods.adversarial._advgan import AdvGAN
from cnnviz_widgets.methods.adversarial.train_attacker import _within


@pytest.fixture(scope="module")
def network():
    return cnnviz.load_network("small_plain")


@pytest.fixture(scope="module")
def photos():
    return [cnnviz.load_image(one) for one in ("goldfish", "banana", "jellyfish", "school_bus", "teapot", "orange")]


@pytest.fixture(scope="module")
def states(network, photos):
    return list(cnnviz.train_attacker(network, photos, steps=6, batch=4, realism=0.5))


@settings(max_examples=60, deadline=None)
@given(
    epsilon=st.floats(1 / 255, 1),
    levels=st.lists(st.integers(0, 255), min_size=12, max_size=12),
    change=st.lists(st.floats(-1, 1, width=32), min_size=12, max_size=12),
)
def test_after_rounding_no_value_leaves_the_ball(epsilon, levels, change):
    """In whole levels, exactly: at most the whole part of 255 ε, and within 0…255."""
    picture, change = (torch.tensor(one, dtype=torch.float32).view(1, 3, 2, 2) for one in (levels, change))
    picture = picture / 255
    after = 255 * _within(picture, epsilon * change, epsilon).double()
    whole = after.round()
    assert float((after - whole).abs().max()) < 1e-4
    assert 0 <= int(whole.min()) <= int(whole.max()) <= 255
    assert int((whole - torch.tensor(levels).view_as(whole)).abs().max()) <= int(255 * epsilon + 1e-3)


@pytest.mark.parametrize("levels", [1, 2.5, 8])
def test_the_norm_of_all_three_is_never_exceeded(network, photos, levels):
    state = next(cnnviz.train_attacker(network, photos, epsilon=levels / 255, steps=1, batch=2))
    for name, changed in state.changed.items():
        sizes = ((changed - state.pictures) * 255).abs()
        assert float((sizes - sizes.round()).abs().max()) < 1e-3, name
        assert int(sizes.round().max()) == int(levels), name
    inside = (state.pictures > levels / 255) & (state.pictures < 1 - levels / 255)
    noise = ((state.controls["noise"] - state.pictures) * 255).abs().round()
    assert (noise[inside] == int(levels)).all()


def test_success_is_as_counted_by_hand(states, network):
    state = states[-1]
    before = [network.predict(one, 1)[0].index for one in state.pictures]
    assert before == list(state.truth)
    for name, changed in state.changed.items():
        after = [network.predict(one, 1)[0].index for one in changed]
        assert state.counted[name].hits == sum(a != b for a, b in zip(after, before, strict=True))
        assert state.counted[name].total == 3
    assert state.successes[-1] == (6, state.counted["generator"])
    assert [step for step, _ in state.successes] == [1, 2, 3, 4, 5, 6]


def test_held_out_pictures_are_every_other_one(states, network, photos):
    wanted = torch.stack([network.prepare(one)[0] for one in photos[1::2]])
    torch.testing.assert_close(states[0].pictures, wanted, rtol=0, atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
def test_the_losses_are_those_by_hand(network, photos, loss):
    """Of the first step: least squares of the discriminator; what fools the network; least squares of the generator."""
    how = {"epsilon": 4 / 255, "loss": loss, "realism": 0.5, "steps": 3, "batch": 4, "seed": 2}
    state = next(cnnviz.train_attacker(network, photos, **how))
    start, drawn = initialized(AdvGAN, 2).requires_grad_(False), torch.Generator().manual_seed(2)
    crops = Crops(photos[::2], 64)
    real = crops.draw(4, drawn)
    fake = (real + 4 / 255 * start.generator(real)).clamp(0, 1)
    apart = ((start.discriminator(real) - 1) ** 2).mean() / 2 + (start.discriminator(fake) ** 2).mean() / 2
    assert state.training.losses["discriminator"] == pytest.approx(float(apart), rel=1e-5)
    real = crops.draw(4, drawn)
    fake = (real + 4 / 255 * start.generator(real)).clamp(0, 1)
    wanted = []
    for before, after in zip(network.logits(real), network.logits(fake), strict=True):
        truth = int(before.argmax())
        others = torch.cat([after[:truth], after[truth + 1 :]])
        both = {"margin": after[truth] - others.max(), "cross_entropy": after.log_softmax(0)[truth]}
        wanted.append(float(both[loss]))
    assert state.training.losses["attack"] == pytest.approx(sum(wanted) / 4, rel=1e-4, abs=1e-5)
    later = initialized(AdvGAN, 2)
    later.load_state_dict(state.training.weights)  # the discriminator had its step before the generator's loss
    realism = 0.5 * ((later.discriminator(fake) - 1) ** 2).mean()
    assert state.training.losses["realism"] == pytest.approx(float(realism.detach()), rel=1e-4)


def test_without_realism_the_discriminator_stays_as_it_was(network, photos):
    *_, state = cnnviz.train_attacker(network, photos, steps=3, batch=2)
    start = initialized(AdvGAN, 0).state_dict()
    weights = state.training.weights.items()
    changed = {name.partition(".")[0] for name, one in weights if not torch.equal(one, start[name])}
    assert changed == {"generator"}


def test_a_frozen_generator_gives_the_same_again(states, photos):
    state, before = states[2], states[2].attack(photos[0])
    list(cnnviz.train_attacker(state.network, photos, steps=8, batch=4, realism=0.5, start=state))
    assert torch.equal(state.attack(photos[0]), before)
    together = state.attack(torch.stack([state.network.prepare(one)[0] for one in photos[:2]]))
    assert float((together[0] != before).float().mean()) < 1e-3  # signs of what is almost 0
    assert before.shape == (3, 64, 64)


def test_it_goes_on_exactly(states, network, photos, tmp_path):
    states[2].save(tmp_path / "attacker.training")
    for start in (states[2], tmp_path / "attacker.training"):
        *_, rest = cnnviz.train_attacker(network, photos, steps=6, batch=4, realism=0.5, start=start)
        for name, one in states[-1].training.weights.items():
            assert torch.equal(one, rest.training.weights[name]), name
        assert torch.equal(rest.values, states[-1].values)
        assert rest.successes[-1] == states[-1].successes[-1]
    *_, rest = cnnviz.train_attacker(network, photos, steps=6, batch=4, realism=0.5, start=states[2])
    assert rest.successes == states[-1].successes


def test_what_it_cannot_take_is_told(network, photos):
    with pytest.raises(cnnviz.UserError, match="images must be at least two pictures"):
        cnnviz.train_attacker(network, photos[:1])
    with pytest.raises(cnnviz.UserError, match="start must be a state of a training"):
        cnnviz.train_attacker(network, photos, start=3)
