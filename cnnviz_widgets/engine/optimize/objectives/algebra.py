"""The algebra of objectives: weighted sums and products of terms."""

from collections.abc import Callable, Sequence
from functools import partial, reduce, wraps
from hashlib import blake2b
from operator import add
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network

Weight = float | Tensor


class TermInputs(NamedTuple):
    """What terms may depend on in one step.

    pictures     (B, C, H, W), 0…1, before the transforms
    alpha        (B, 1, H, W), 0…1, of pictures that are transparent in part, else None
    activations  layer name -> output of the layer, for the layers that were asked for
    logits       (B, outputs), as the network gives them, if any term asked for them
    shown        (B, C, h, w), 0…1, after the transforms, if any term asked for anything of the network
    """

    pictures: Tensor
    alpha: Tensor | None
    activations: dict[str, Tensor]
    logits: Tensor | None
    shown: Tensor | None = None


class BoundTerm(NamedTuple):
    """A term for a given network and batch: its value, (B,), and what has to be computed for it.

    distance  it is 0 where something is reached: there, having no gradient is no failure
    shown     it reads the pictures after the transforms
    """

    value: Callable[[TermInputs], Tensor]
    layers: tuple[str, ...] = ()
    output: bool = False
    distance: bool = False
    shown: bool = False


class Objective:
    """A weighted sum of terms. ``optimize`` makes it as large as it can.

    Objectives can be added, subtracted and multiplied, with each other, with numbers, and with lists of one number per
    picture.
    """

    __array_ufunc__ = None  # so that numpy's numbers leave the arithmetic to us

    def __init__(self, parts: Sequence[tuple[Weight, "Term"]]) -> None:
        self._parts = tuple(parts)

    @property
    def parts(self) -> tuple[tuple[Weight, "Term"], ...]:
        """Weights and terms."""
        return self._parts

    def __add__(self, other: "Objective | Weight | Sequence[float]") -> "Objective":
        if not isinstance(other, Objective):
            other = Objective([(_weight(other), ONE)])
        return Objective(self.parts + other.parts)

    def __radd__(self, other: Weight | Sequence[float]) -> "Objective":
        return self if isinstance(other, int) and other == 0 else other * ONE + self  # 0 is where sum() begins

    def __sub__(self, other: "Objective | Weight | Sequence[float]") -> "Objective":
        return self + -1.0 * (other if isinstance(other, Objective) else other * ONE)

    def __rsub__(self, other: Weight | Sequence[float]) -> "Objective":
        return other * ONE - self

    def __neg__(self) -> "Objective":
        return -1.0 * self

    def __mul__(self, factor: "Objective | Weight | Sequence[float]") -> "Objective":
        if isinstance(factor, Objective):
            return _product(self, factor)
        factor = _weight(factor)
        return Objective([(weight * factor, term) for weight, term in self.parts])

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> "Objective":
        return self * (1 / divisor)

    def __repr__(self) -> str:
        text = " + ".join(_written(weight, term) for weight, term in self.parts)
        return text.replace("+ -", "- ")

    def bind(self, network: Network, count: int) -> "BoundObjective":
        """For a network and a batch of ``count``. UserError for what is not in the network, before any pass."""
        for weight, term in self.parts:
            if isinstance(weight, Tensor) and len(weight) != count:
                raise UserError(f"{len(weight)} weights of {term!r} do not match {counted(count)}: give one each.")
        return BoundObjective([(weight, term.name, term.bind_term(network, count)) for weight, term in self.parts])


class Term(Objective):
    """One term.

    name       as it is printed
    bind_term  (network, number of pictures) -> BoundTerm
    """

    call: tuple["partial[Term]", tuple]  # the function and the arguments that made it

    def __init__(self, name: str, bind_term: Callable[[Network, int], BoundTerm]) -> None:
        self.name, self.bind_term = name, bind_term

    def __reduce__(self) -> str | tuple:
        """A term is copied and saved as the call that makes it: ``bind_term`` is a function within a function."""
        return "ONE" if self is ONE else self.call

    def __deepcopy__(self, memo: dict) -> "Term":
        return self  # it never changes, and its layer may be a module, of which a copy would be part of no network

    @property
    def parts(self) -> tuple[tuple[Weight, "Term"], ...]:
        return ((1.0, self),)


def remembers_call(make: Callable[..., Term]) -> Callable[..., Term]:
    """The same function, whose terms know how they were made."""

    @wraps(make)
    def made(*args: Any, **kwargs: Any) -> Term:
        term = make(*args, **kwargs)
        term.call = (partial(made, **kwargs), args)
        return term

    return made


ONE = Term("1", lambda network, count: BoundTerm(lambda inputs: inputs.pictures.new_ones(count)))


@remembers_call
def _product(first: Objective, second: Objective) -> Term:
    def bind_term(network: Network, count: int) -> BoundTerm:
        one, other = first.bind(network, count), second.bind(network, count)
        return BoundTerm(
            lambda inputs: reduce(add, one(inputs).values()) * reduce(add, other(inputs).values()),
            (*one.layers, *other.layers),
            one.output or other.output,
            shown=one.shown or other.shown,
        )

    factors = (f"({one!r})" if len(one.parts) > 1 else repr(one) for one in (first, second))
    return Term(" * ".join(factors), bind_term)


class BoundObjective:
    """An objective for a given network: the ``layers`` that it reads, and whether it needs the ``output``."""

    def __init__(self, parts: Sequence[tuple[Weight, str, BoundTerm]]) -> None:
        self._parts = parts
        self.layers = [*dict.fromkeys(layer for *_, term in parts for layer in term.layers)]
        self.output = any(term.output for *_, term in parts)
        self.distance = any(term.distance for *_, term in parts)
        self.shown = any(term.shown for *_, term in parts)

    def __call__(self, inputs: TermInputs) -> dict[str, Tensor]:
        """By term, what it adds to the objective: (B,) each."""
        values: dict[str, Tensor] = {}
        for weight, name, term in self._parts:
            value = term.value(inputs)
            if isinstance(weight, Tensor):
                weight = weight.to(value.device, value.dtype)
            values[name] = values.get(name, 0) + weight * value
        return values

    def of_samples(
        self,
        pictures: Tensor,
        alpha: Tensor | None,
        activations: dict[str, Tensor],
        logits: Tensor | None,
        shown: Tensor | None,
        samples: int,
    ) -> dict[str, Tensor]:
        """By term, (samples, B): of several draws of the transforms, which are one batch, a sample after another."""
        count = len(pictures)

        def part(of: Tensor | None, number: int) -> Any:
            return of if of is None or samples == 1 else of[number * count : (number + 1) * count]

        each = [
            self(
                TermInputs(
                    pictures,
                    alpha,
                    {name: part(values, number) for name, values in activations.items()},
                    part(logits, number),
                    part(shown, number),
                )
            )
            for number in range(samples)
        ]
        return {name: torch.stack([one[name] for one in each]) for name in each[0]}


def fingerprint(objective: Objective) -> str:
    """The same text for objectives that are made of the same terms, weights and tensors."""
    found = blake2b(digest_size=16)

    def read(one: Any) -> None:
        if isinstance(one, Term) and one is not ONE:
            make, given = one.call
            read((make.func, make.keywords, given))
        elif isinstance(one, Objective) and one is not ONE:
            read(one.parts)
        elif isinstance(one, dict):
            read([*one.items()])
        elif isinstance(one, list | tuple):
            for each in one:
                read(each)
        elif isinstance(one, Tensor):
            found.update(repr((one.shape, one.dtype)).encode())
            found.update(one.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
        else:
            found.update(repr(one).encode())

    read(objective)
    return found.hexdigest()


def counted(pictures: int) -> str:
    """A number of pictures in words, for errors."""
    return f"a batch of {pictures}" if pictures > 1 else "one picture"


def _weight(number: Weight | Sequence[float]) -> Weight:
    try:
        weight = torch.as_tensor(number, dtype=torch.float64).detach().cpu()
    except (TypeError, ValueError):
        weight = None
    if weight is None or weight.ndim > 1:
        raise UserError(
            f"an objective can be combined with an objective, a number, or one number per picture, not {number!r}."
        )
    return weight if weight.ndim else float(weight)


def _written(weight: Weight, term: Term) -> str:
    each = weight.tolist() if isinstance(weight, Tensor) else None
    number = f"{weight:g}" if each is None else f"[{', '.join(f'{one:g}' for one in each)}]"
    if term is ONE:
        return number
    return {"1": "", "-1": "-"}.get(number, f"{number} * ") + term.name
