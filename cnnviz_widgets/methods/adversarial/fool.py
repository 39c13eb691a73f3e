"""X5: pictures of nothing that a network is sure of, by gradient steps or by evolution (Nguyen et al., 2015)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Literal

import torch
from torch import Generator, Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.optimize import objectives, optimize
from cnnviz_widgets.engine.optimize.balls import in_8_bits
from cnnviz_widgets.engine.optimize.parametrizations import Form, Parametrization, Tensors, cppn, pixels
from cnnviz_widgets.engine.optimize.passing import Straight
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Positive, Range, Seed, Share, gate
from cnnviz_widgets.networks import Network

__all__ = ["Population", "breed", "fool"]
example = dict(steps=2)

Encoding = Annotated[Literal["pixels", "cppn"], "'pixels' or 'cppn'"]

POPULATION = 16
SMALL: dict[str, Any] = {"hidden": 8, "depth": 3}  # of a CPPN
RATES = {"pixels": 0.02, "cppn": 0.02}
MUTATED = 0.15  # share of the parameters that change from parent to child
SPREAD = {"pixels": 0.25, "cppn": 0.4}  # standard deviation of such a change


@dataclass(frozen=True, eq=False, repr=False)
class Population(Result):
    """Pictures that are bred, or one that is optimized, as far as it is.

    step, total    generations, or steps
    values         (n, C, H, W), 0…1, in 8 bits: the most convincing first
    probabilities  (n,): of the target
    best           (steps,): the greatest of each generation so far
    of             the class
    queries        pictures that the network has answered
    genes          what the pictures are decoded from: see ``breed``
    """

    step: int
    total: int
    values: Tensor
    probabilities: Tensor
    best: tuple[float, ...]
    of: str
    queries: int
    genes: Tensors
    form: Form
    convention: str = "pictures, values 0…1"

    def content(self) -> Content:
        names = tuple(f"{self.of} {chance:.1%}" for chance in self.probabilities.tolist())
        return Content(rgb(self.values), names=names, keys=tuple(range(len(names))), caption=f"step {self.step}")


@gate
def fool(
    network: Network,
    target: int | str,
    encoding: Encoding = "pixels",
    search: Annotated[Literal["gradient", "evolution"], "'gradient' or 'evolution'"] = "gradient",
    *,
    steps: Positive = 100,
    until: Share = 0.99,
    seed: Seed = 0,
    start: Annotated[Population | None, OWN] = None,
) -> Iterator[Population]:
    """A picture that means nothing to people, and that the network is sure is ``target`` (Nguyen et al., 2015).

    target    class index or name
    encoding  "pixels", each by itself; or "cppn", a small network from the place of a pixel to its color: its pictures
              are smooth and regular
    search    "gradient" of ``log P(target)``; or "evolution", which needs only the answers: of 16 pictures the
              best four have children
    steps     gradient steps, or generations
    until     the probability at which it ends
    seed      of the noise at the start, and of mutations
    start     a population to go on from, as ``breed`` makes them
    Yields Population after every step. Probabilities are those of pictures of 8 bits.
    """
    index = network.class_index(target)
    made = pixels(sd=0.1, batch=1) if encoding == "pixels" else cppn(**SMALL)
    if start is not None and not isinstance(start, Population):
        raise UserError(f"start must be a population, as fool and breed make it, not {type(start).__name__}.")
    if search == "gradient":
        return _climbed(network, index, _of_8_bits(made), encoding, steps, until, seed)
    return _evolved(network, index, encoding, steps, until, seed, start)


def _of_8_bits(made: Parametrization) -> Parametrization:
    """The same, of which the network sees 8 bits."""

    def begin(network: Network, generator: Generator) -> Form:
        form = made.begin(network, generator)
        return replace(form, decode=partial(_decoded, form.decode), wakes=False)

    return Parametrization(made.name, begin)


def _decoded(decode: Callable[..., Tensor], *parameters: Tensor) -> Tensor:
    pictures = decode(*parameters)
    return Straight.apply(pictures, in_8_bits(pictures.detach()))


def _climbed(
    network: Network, index: int, made: Parametrization, encoding: str, steps: int, until: float, seed: int
) -> Iterator[Population]:
    name = network.classes[index]
    objective = -objectives.cross_entropy(index)
    run = optimize(network, objective, made, steps=steps, learning_rate=RATES[encoding], seed=seed)

    def states() -> Iterator[Population]:
        best: list[float] = []
        for state in run:
            pictures = state.form.decode(*state.parameters).detach()
            chance = network.probabilities(network.logits(pictures))[:, index].cpu()
            best.append(max([*best[-1:], float(chance[0])]))
            yield Population(
                state.step,
                steps,
                pictures.cpu(),
                chance,
                tuple(best),
                name,
                2 * state.step,
                state.parameters,
                state.form,
            )
            if float(chance[0]) >= until:
                return

    return states()


# scipy's differential evolution selects in another way: a child takes the place of its own parent, or none. Here those
# who have children are chosen, by their probability or, between two generations, by hand: both by ``_children``. What
# libraries have to ask and tell, such as cma's or Nevergrad's, draws children from a distribution, and not of parents.
def _evolved(
    network: Network, index: int, encoding: str, steps: int, until: float, seed: int, start: Population | None
) -> Iterator[Population]:
    generator = Generator().manual_seed(seed)
    if start is None:
        made = pixels(sd=0.2, batch=POPULATION) if encoding == "pixels" else cppn(batch=POPULATION, **SMALL)
        form = made.begin(network, generator)
        genes = form.start
        if encoding == "cppn":  # the last layer begins at 0: all pictures would be gray
            genes = (torch.randn(genes[0].shape, generator=generator).to(genes[0]), *genes[1:])
    else:
        form, genes = start.form, start.genes
    asked, best = (start.queries, list(start.best)) if start else (0, [])

    def states() -> Iterator[Population]:
        nonlocal genes, asked
        for step in range(1, steps + 1):
            state = _judged(network, index, form, genes, step, steps, best, asked)
            asked = state.queries
            best.append(max([*best[-1:], float(state.probabilities[0])]))
            yield replace(state, best=tuple(best))
            if best[-1] >= until:
                return
            genes = _children(state.genes, [0, 1, 2, 3], encoding, generator)

    return states()


def _judged(
    network: Network, index: int, form: Form, genes: Tensors, step: int, total: int, best: Sequence[float], asked: int
) -> Population:
    with torch.no_grad():
        pictures = in_8_bits(form.decode(*genes).clamp(0, 1))
    chances = network.probabilities(network.logits(pictures))[:, index]
    order = chances.argsort(descending=True, stable=True)
    return Population(
        step,
        total,
        pictures[order].cpu(),
        chances[order].cpu(),
        tuple(best),
        network.classes[index],
        asked + len(pictures),
        tuple(one[order] for one in genes),
        form,
    )


@gate
def breed(
    network: Network,
    population: Annotated[Population, "a population, as fool(…, search='evolution') makes it"],
    parents: Sequence[Annotated[int, Range(0)]],
    *,
    seed: Seed = 0,
) -> Population:
    """The next generation: the parents, and children of two of them each, with mutations.

    population  of several pictures
    parents     their numbers, from 0
    """
    count = len(population.values)
    if not parents or max(parents) >= count:
        raise UserError(f"parents must be numbers from 0 to {count - 1}, at least one, not {[*parents]}.")
    if len(population.genes[0]) != count or count < 2:
        raise UserError("population must be of several pictures, as search='evolution' makes them.")
    encoding = "pixels" if len(population.genes) == 1 else "cppn"
    genes = _children(population.genes, [*parents], encoding, Generator().manual_seed(seed))
    index = network.class_index(population.of)
    before = population
    bred = _judged(network, index, before.form, genes, before.step + 1, before.total, before.best, before.queries)
    return replace(bred, best=(*population.best, max([*population.best[-1:], float(bred.probabilities[0])])))


def _children(genes: Tensors, parents: list[int], encoding: str, generator: Generator) -> Tensors:
    """So many as before: the parents as they are, then children that have every gene from one of two parents."""
    count = len(genes[0])
    parents = parents[:count]
    number = count - len(parents)
    pick = lambda: torch.tensor(parents)[torch.randint(len(parents), (number,), generator=generator)]  # noqa: E731
    mothers, fathers = pick(), pick()
    after = []
    for gene in genes:
        shape = (number, *gene.shape[1:])
        coin = torch.rand(shape, generator=generator).to(gene) < 0.5
        child = torch.where(coin, gene[mothers], gene[fathers])
        changed = torch.rand(shape, generator=generator).to(gene) < MUTATED
        child = child + SPREAD[encoding] * torch.randn(shape, generator=generator).to(gene) * changed
        after.append(torch.cat([gene[parents], child.clamp(0, 1) if encoding == "pixels" else child]))
    return tuple(after)
