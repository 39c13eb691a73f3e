import pytest

from cnnviz_widgets.drawing.words import number, percent, shorten


@pytest.mark.parametrize(
    ("share", "text"), [(0.0732, "7.3%"), (0.9996, "100.0%"), (1, "100.0%"), (0.0004, "< 0.1%"), (0, "0.0%")]
)
def test_probabilities(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (100, "100"), (-0.25, "−0.25"), (0, "0"), (0.1 + 0.2, "0.3"), (250_000, "250000"), (1e-5, "0.00001"),
        (5e-8, "5×10⁻⁸"), (1e9, "10⁹"), (-2.5e9, "−2.5×10⁹"), (11e9, "1.1×10¹⁰"),
    ],
)  # fmt: skip
def test_round_numbers_are_written_out(value, text):
    assert number(value) == text


def test_a_long_name_loses_its_middle():
    name = "features.denseblock3.denselayer5.relu1"
    assert shorten(name, 60) == name
    short = shorten(name, 15)
    assert len(short) <= 15
    start, end = short.split("…")
    assert start
    assert end
    assert name.startswith(start)
    assert name.endswith(end)
