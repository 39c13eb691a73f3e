"""S3: which explanation would you trust? Forced choices between maps, after figure 5 of the Grad-CAM paper."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Annotated, Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Heatmap, Result
from cnnviz_widgets.drawing.show import grid
from cnnviz_widgets.engine.checks import somebodys
from cnnviz_widgets.engine.planes import plane
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import OWN, Range, Seed, came, gate
from cnnviz_widgets.methods.cam.grad_cam import grad_cam
from cnnviz_widgets.methods.cam.guided_grad_cam import guided_grad_cam
from cnnviz_widgets.methods.evaluation.quiz_result import QuizAnswer, QuizResult
from cnnviz_widgets.methods.filters.train_live import LiveState
from cnnviz_widgets.methods.gradients.saliency import saliency
from cnnviz_widgets.networks import Network, load_network
from cnnviz_widgets.pictures.load import load_image
from cnnviz_widgets.pictures.samples import samples

__all__ = ["Quiz", "QuizTrial", "trust_quiz"]
example = dict(trials=2, comparisons=0)

GRAY = 0.5  # of a composite, where it has no picture
TILE = 256  # px of a picture in a question
EQUAL = 2  # number of the answer in the middle of these
COMPARED = ("A much more", "A more", "both the same", "B more", "B much more")

Method = Callable[[Network, Tensor, Any], Any]
Box = tuple[int, int, int, int]  # left, top, right, bottom in px; the last two are the first outside


@dataclass(frozen=True, eq=False, repr=False)
class QuizTrial:
    """One question.

    asks      "class": which class of a composite a map shows; "networks": whose map is more reasonable
    method    whose maps these are
    picture   (C, H, W), 0…1, as the network sees it;  of: the class that the maps explain
    shown     what the method returned: one result, or those of both networks, from left to right
    choices   the answers in words, in the order of their keys
    right     number of the right answer; None where there is none
    boxes     of the pictures in a composite, (left, top, right, bottom), in the order of the choices
    networks  names of the two networks, the first of the comparison first
    swapped   whether the second network's map stands on the left
    """

    asks: Literal["class", "networks"]
    method: str
    picture: Tensor
    of: str
    shown: tuple[Any, ...]
    choices: tuple[str, ...]
    right: int | None = None
    boxes: tuple[Box, ...] = ()
    networks: tuple[str, ...] = ()
    swapped: bool = False

    @property
    def question(self) -> str:
        if self.asks == "class":
            return "Which class does the map explain?"
        return f"Two networks answer “{self.of}”. Whose map is more reasonable?"

    @property
    def sheet(self) -> Image.Image:
        """The picture and the maps, side by side, as the question shows them."""
        names = ["picture", "map"] if self.asks == "class" else ["picture", "A", "B"]
        return grid(self.picture, *self.shown, names=names, width=len(names) * TILE)

    @property
    def told(self) -> str:
        """What is to be seen, in words: these give the answer away."""
        if self.asks == "class":
            return f"{self.method}, {self.of}"
        return f"{self.method}, {self.of}: A is {self.sides[0]}, B is {self.sides[1]}"

    @property
    def sides(self) -> tuple[str, ...]:
        """The names of the two networks, as their maps stand from left to right."""
        return self.networks[::-1] if self.swapped else self.networks

    @property
    def mass(self) -> Tensor:
        """(n,): the share of the map's size in the box of each choice."""
        sizes = plane(self.shown[0], absolute=True)
        within = torch.stack([sizes[top:bottom, left:right].sum() for left, top, right, bottom in self.boxes])
        return within / within.sum().clamp(min=1e-300)

    def answered(self, choice: int, seconds: float) -> QuizAnswer:
        """How good an answer is: 0 or 1 for a class; −2…+2 for networks, + where the first one is more reasonable."""
        if not 0 <= choice < len(self.choices):
            raise UserError(f"choices must be from 0 to {len(self.choices) - 1} for this question, not {came(choice)}.")
        value = EQUAL - choice if self.right is None else int(choice == self.right)
        return QuizAnswer(
            self.asks, self.method, len(self.choices), -value if self.swapped else value, seconds, self.networks
        )


@dataclass(frozen=True, eq=False, repr=False)
class Quiz(Result):
    """The questions in their order. In a notebook it shows only the example, which is none of them.

    trials   the questions
    example  one more about a class, with its answer
    """

    trials: tuple[QuizTrial, ...]
    example: QuizTrial
    convention: str = "the map of the example"
    look: ClassVar[dict] = Heatmap.look

    @property
    def of(self) -> str:
        return f"{len(self.trials)} questions"

    @cached_property
    def values(self) -> Tensor:
        """(H, W): the map of the example."""
        return plane(self.example.shown[0])

    def content(self) -> Content:
        shown = self.example.shown[0].content()
        return replace(
            shown, names=(), caption=f"an example: {self.example.method}; the map explains {self.example.of}"
        )

    def ideal(self) -> list[int]:
        """The answers of an ideal observer: of a composite the class whose picture has most of the map's size.

        That is the pointing game with mass in place of the maximum. Where there is no truth, it sees no difference.
        """
        return [EQUAL if one.right is None else int(one.mass.argmax()) for one in self.trials]

    def score(self, choices: Sequence[int], seconds: Sequence[float] | None = None) -> QuizResult:
        """What the answers come to.

        choices  for each of the first questions the number of the answer, from 0
        seconds  that each answer took; None = not known
        """
        if len(choices) > len(self.trials):
            raise UserError(f"choices must be at most {len(self.trials)}, one a question, not {len(choices)}.")
        times = [float("nan")] * len(choices) if seconds is None else list(seconds)
        if len(times) != len(choices):
            raise UserError(f"seconds must be as many as choices, {len(choices)}, not {len(times)}.")
        asked = zip(self.trials, choices, times, strict=False)
        return QuizResult(tuple(one.answered(choice, time) for one, choice, time in asked))


@gate
def trust_quiz(
    network: Network,
    pictures: Annotated[Any, OWN] = None,
    *,
    methods: Annotated[Any, OWN] = None,
    answers: Annotated[int, Range(2, 4)] = 2,
    trials: Annotated[int, Range(1, 100)] = 4,
    rivals: Annotated[Any, OWN] = ("small_plain", "small_early"),
    comparisons: Annotated[int, Range(0, 100)] = 2,
    seed: Seed = 0,
) -> Quiz:
    """Questions about maps: which class, and which of two networks is more reasonable (Selvaraju et al., 2017, fig. 5).

    network      whose maps are shown where a class is asked for
    pictures     class -> picture; None = the samples of one object whose class the network knows
    methods      name -> ``method(network, image, target)`` → a result with ``values`` (H, W) or (C, H, W);
                 None = saliency, Grad-CAM and guided Grad-CAM
    answers      pictures in a composite, of different classes, and so answers to choose from; 1 / answers is chance
    trials       questions of each method about a class. All methods have the same composites and classes; on which
                 side a picture stands is drawn, equally often
    rivals       two networks, their names, or two states of ``train_live``, to be compared at pictures to which both
                 give the right answer; None = no such questions. The bundled two are one network, at the end of its
                 training and early in it
    comparisons  questions of each method about these; each network stands on the left in half of them
    seed         of the pictures, the sides and the order: first all composites, then all comparisons

    The classes of a composite are known by construction, without anybody's opinion. ``score`` counts the answers.
    UserError for too few classes that the network knows, and where the rivals are never both right.

        quiz = trust_quiz(load_network("mini"))
        quiz.score(quiz.ideal()).accuracy
    """
    shown, *questions = quiz_trials(network, pictures, methods, answers, trials, rivals, comparisons, seed)
    return Quiz(tuple(questions), shown)


def quiz_trials(
    network: Network,
    pictures: Any,
    methods: Any,
    answers: int,
    trials: int,
    rivals: Any,
    comparisons: int,
    seed: int,
) -> Iterator[QuizTrial]:
    """The example of ``trust_quiz``, then its questions; what is wrong with them is told before."""
    known, ways = _known(network, pictures), _ways(methods)
    if len(known) < answers:
        raise UserError(
            f"pictures must be of at least {answers} classes that {network.name} knows, for composites, "
            f"not {len(known)}{': ' * bool(known)}{', '.join(known)}."
        )
    drawn = random.Random(seed)
    shown, *asked = _composites(network, known, ways, answers, trials, drawn)
    pairs = [*_pairs(rivals, known, ways, comparisons, drawn)] if rivals is not None and comparisons else []
    drawn.shuffle(asked)
    drawn.shuffle(pairs)
    return (make() for make in (shown, *asked, *pairs))


def _composites(
    network: Network, known: dict[str, Tensor], ways: dict[str, Method], answers: int, trials: int, drawn: random.Random
) -> Iterator[Callable[[], QuizTrial]]:
    """An example, and then for each method as many."""
    deck = _dealt(list(known), drawn)
    first, *hands = ([*islice(deck, answers)] for _ in range(trials + 1))

    def make(name: str, classes: list[str], right: int) -> QuizTrial:
        picture, boxes = composite([network.prepare(known[one])[0] for one in classes])
        with somebodys("methods"):
            shown = ways[name](network, picture, network.class_index(classes[right]))
            plane(shown, picture.shape[-2:])
        return QuizTrial("class", name, picture, classes[right], (shown,), tuple(classes), right, boxes)

    yield lambda: make(next(iter(ways)), first, 0)
    for name in ways:
        sides = [number % answers for number in range(trials)]
        drawn.shuffle(sides)
        for (target, *others), side in zip(hands, sides, strict=True):
            yield lambda name=name, classes=[*others[:side], target, *others[side:]], side=side: make(  # type: ignore[misc]
                name, classes, side
            )


def _pairs(
    rivals: Any, known: dict[str, Tensor], ways: dict[str, Method], comparisons: int, drawn: random.Random
) -> Iterator[Callable[[], QuizTrial]]:
    networks, names = _rivals(rivals)
    both = [name for name, picture in known.items() if all(_right(one, picture, name) for one in networks)]
    if not both:
        raise UserError(
            f"rivals must both be right about one of the pictures at least, and {names[0]} and {names[1]} are about "
            "none; rivals=None asks about classes only."
        )
    deck = _dealt(both, drawn)
    classes = [*islice(deck, comparisons)]

    def make(name: str, of: str, swapped: bool) -> QuizTrial:
        seen = [one.prepare(known[of])[0] for one in networks]
        with somebodys("methods"):
            pairs = zip(networks, seen, strict=True)
            shown = [ways[name](one, picture, one.class_index(of)) for one, picture in pairs]
        maps = tuple(reversed(shown) if swapped else shown)
        return QuizTrial("networks", name, seen[0], of, maps, COMPARED, networks=names, swapped=swapped)

    for name in ways:
        sides = [bool(number % 2) for number in range(comparisons)]
        drawn.shuffle(sides)
        for of, swapped in zip(classes, sides, strict=True):
            yield lambda name=name, of=of, swapped=swapped: make(name, of, swapped)  # type: ignore[misc]


def composite(tiles: Sequence[Tensor]) -> tuple[Tensor, tuple[Box, ...]]:
    """Two to four pictures (C, H, W) in one of that size, each half as wide and high, and their boxes.

    Two stand side by side in the middle; more in two rows.
    """
    channels, height, width = tiles[0].shape
    rows, columns = height // 2, width // 2
    small = F.interpolate(torch.stack(list(tiles)), (rows, columns), mode="bilinear", antialias=True)
    whole, boxes = torch.full((channels, height, width), GRAY), []
    for number, tile in enumerate(small):
        top = (height - rows) // 2 if len(tiles) == 2 else number // 2 * rows
        left = (width - columns) // 2 if number == 2 == len(tiles) - 1 else number % 2 * columns
        whole[:, top : top + rows, left : left + columns] = tile.clamp(0, 1)
        boxes.append((left, top, left + columns, top + rows))
    return whole, tuple(boxes)


def _dealt(cards: list[str], drawn: random.Random) -> Iterator[str]:
    """All, shuffled, again and again; neighbors are different as long as there are several."""
    last: list[str] = []
    while True:
        deck = drawn.sample(cards, len(cards))
        while len(cards) > 3 and set(deck[:3]) & set(last):
            deck = drawn.sample(cards, len(cards))
        yield from deck
        last = deck[-3:]


def known_samples(network: Network) -> dict[str, str]:
    """Class -> the sample that shows it and nothing else, of the classes that the network knows."""
    every = samples()
    single = {every.classes(name)[0]: name for name in every if len(every.classes(name)) == 1}
    return {of: name for of, name in single.items() if _knows(network, of)}


def _known(network: Network, pictures: Any) -> dict[str, Tensor]:
    """Class -> picture."""
    if pictures is None:
        return {of: load_image(name) for of, name in known_samples(network).items()}
    if not isinstance(pictures, Mapping) or not pictures:
        raise UserError(f"pictures must be a mapping of classes to pictures, or None, not {came(pictures)}.")
    found = {}
    for of, picture in pictures.items():
        with naming("pictures"):
            found[network.classes[network.class_index(of)]] = network.prepare(load_image(picture))[0]
    return found


def _knows(network: Network, of: str) -> bool:
    return of in list(network.classes)


def _ways(methods: Any) -> dict[str, Method]:
    if methods is None:
        return {"saliency": saliency, "Grad-CAM": grad_cam, "guided Grad-CAM": guided_grad_cam}
    named = isinstance(methods, Mapping) and all(isinstance(name, str) and name for name in methods)
    if not named or not methods or not all(map(callable, methods.values())):
        raise UserError(f"methods must be a mapping of names to functions, or None, not {came(methods)}.")
    return dict(methods)


def _rivals(rivals: Any) -> tuple[tuple[Network, Network], tuple[str, str]]:
    """Both, and their names."""
    wrong = UserError(
        f"rivals must be two networks, their names, or two states of train_live, or None, not {came(rivals)}."
    )
    if not isinstance(rivals, Sequence) or isinstance(rivals, str | bytes) or len(rivals) != 2:
        raise wrong
    with naming("rivals"):
        (one, name), (other, its_name) = (_rival(each) for each in rivals)
    if not isinstance(one, Network) or not isinstance(other, Network):
        raise wrong
    return (one, other), (name, its_name)


def _rival(rival: Any) -> tuple[Any, str]:
    if isinstance(rival, LiveState):
        return rival.network, f"step {rival.step}"
    network = load_network(rival) if isinstance(rival, str) else rival
    return network, getattr(network, "name", "")


def _right(network: Network, picture: Tensor, of: str) -> bool:
    return _knows(network, of) and int(network.top(network.logits(picture))) == network.class_index(of)
