"""F6: against lists by hand, torch's own transposed convolution, and its gradient."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import cnnviz_widgets as cnnviz
from cnnviz_widgets import UserError, overlap, upsample_compare

FIRST = [1, 1, 2, 1, 2, 1, 2, 1, 1]
whole = st.integers(1, 7)


@pytest.mark.parametrize(("kernel", "stride", "n", "counts"), [
    (3, 2, 4, FIRST),
    (4, 2, 4, [1, 1, 2, 2, 2, 2, 2, 2, 1, 1]),
    (5, 3, 3, [1, 1, 1, 2, 2, 1, 2, 2, 1, 1, 1]),
])  # fmt: skip
def test_overlap_by_hand(kernel, stride, n, counts):
    assert overlap(kernel, stride, n).values.tolist() == counts


def test_overlap_of_a_map():
    assert overlap(3, 2, 2, dimensions=2).values.tolist() == [
        [1, 1, 2, 1, 1],
        [1, 1, 2, 1, 1],
        [2, 2, 4, 2, 2],
        [1, 1, 2, 1, 1],
        [1, 1, 2, 1, 1],
    ]


@settings(max_examples=60, deadline=None)
@given(whole, whole, whole)
def test_overlap_is_a_transposed_convolution_of_ones_and_the_gradient_of_a_strided_one(kernel, stride, n):
    for dimensions, transposed, convolution in ((1, F.conv_transpose1d, F.conv1d), (2, F.conv_transpose2d, F.conv2d)):
        counts = overlap(kernel, stride, n, dimensions=dimensions).values.double()
        axes = (1, 1, *[kernel] * dimensions)
        ones = torch.ones(axes, dtype=torch.float64)
        assert torch.equal(counts, transposed(ones.new_ones(1, 1, *[n] * dimensions), ones, stride=stride)[0, 0])
        picture = torch.zeros_like(counts).requires_grad_()
        convolution(picture[None, None], ones, stride=stride).sum().backward()
        assert torch.equal(counts, picture.grad)


@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (6, 3), (3, 2), (5, 2), (1, 1), (3, 1)])
def test_even_where_the_stride_divides_the_kernel(kernel, stride):
    found = overlap(kernel, stride, 12)
    inside = found.values[kernel : len(found.values) - kernel]
    assert (len(inside.unique()) == 1) == found.even


def test_too_large_an_overlap():
    with pytest.raises(UserError, match="kernel"):
        overlap(1024, 1024, 1024, dimensions=2)


@pytest.mark.parametrize(("kernel", "factor"), [(2, 2), (3, 2), (4, 2), (5, 2), (3, 3), (5, 3), (6, 3), (4, 4)])
def test_a_plain_color_checkers_just_as_windows_overlap(kernel, factor):
    size = 12 * factor
    found = upsample_compare(torch.full((3, size, size), 0.5), kernel, factor)
    assert found.resized_ripple < 1e-12
    torch.testing.assert_close(found.resized, torch.full_like(found.resized, 0.5))
    counts = overlap(kernel, factor, 12, dimensions=2).values.double()
    cut = (kernel - factor) // 2
    expected = 0.5 * counts[cut : cut + size, cut : cut + size] * (factor / kernel) ** 2
    torch.testing.assert_close(found.values, expected.expand(3, -1, -1), rtol=0, atol=1e-12)
    assert (found.ripple < 1e-12) == overlap(kernel, factor, 12).even
    # By hand: along an axis, kernel % factor of the phases are written once more than the others.
    more, often = kernel % factor, kernel // factor
    line = torch.tensor([often + 1.0] * more + [often] * (factor - more), dtype=torch.float64)
    phases = torch.outer(line, line)
    assert found.ripple == pytest.approx(float(phases.std(correction=0) / phases.mean()), abs=1e-12)


def test_on_a_photograph():
    photo = cnnviz.load_image("chelsea")
    rough, even = upsample_compare(photo, 3), upsample_compare(photo, 4)
    assert rough.ripple > 20 * max(rough.resized_ripple, even.ripple)
    assert rough.values.shape == rough.resized.shape
    assert rough._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize(("how", "name"), [
    ({"kernel": 1}, "kernel"), ({"kernel": 9}, "image"), ({"factor": 8, "kernel": 8}, "image"),
])  # fmt: skip
def test_what_cannot_be_enlarged(how, name):
    with pytest.raises(UserError, match=f"^{name}"):
        upsample_compare(torch.rand(3, 31, 31), **how)
