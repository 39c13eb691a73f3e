import pytest
import torch

from cnnviz_widgets.exercises import check_template


def template(distance=lambda down, across: down + across, beta=4, floor=-1.0, sign=1):
    """A solution, and its usual mistakes."""

    def made(n, row, column):
        cells = torch.arange(n).double()
        away = distance((cells - row).abs()[:, None].expand(n, n), (cells - column).abs().expand(n, n))
        return sign * (1 - beta * away / n).clamp(min=floor)

    return made


def test_the_right_template():
    assert check_template(template())
    assert check_template(lambda n, row, column: template()(n, row, column).tolist())


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (template(floor=-99), "falls below"),
        (template(floor=0), "the mask"),
        (template(beta=1), "β = 4"),
        (template(torch.hypot), "as the crow flies"),
        (template(torch.maximum), "the greater one"),
        (template(sign=-1), "the sign"),
        (lambda n, row, column: template()(n, column, row), "swapped"),
        (lambda n, row, column: torch.zeros(n, n), "the values are not"),
        (lambda n, row, column: torch.zeros(n), "(3, 3)"),
    ],
)
def test_wrong_templates(function, says):
    feedback = check_template(function)
    assert feedback.right is False
    assert says in feedback.text


def test_no_template_yet():
    assert check_template(None).right is None
    assert check_template(lambda n, row, column: None).right is None
