"""A module as a list of steps: what is computed, from what, and which of it depends on which place.

``torch.fx`` finds it by running the module once on stand-ins for tensors. A module whose way depends on the values that
it meets cannot be read like this.
"""

import operator
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple
from weakref import ref

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.fx import Node
from torch.fx.operator_schemas import normalize_function

from cnnviz_widgets.engine.incremental.convolution import Convolution
from cnnviz_widgets.engine.incremental.windows import Kernel, pair
from cnnviz_widgets.engine.scratch import scratch_copy, take_back

# What treats every place of a map by itself and alike, whatever it does with the channels.
_LOCAL_MODULES = (
    nn.BatchNorm2d, nn.CELU, nn.ChannelShuffle, nn.ELU, nn.GELU, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh,
    nn.LeakyReLU, nn.LocalResponseNorm, nn.LogSigmoid, nn.Mish, nn.PReLU, nn.ReLU, nn.ReLU6, nn.SELU, nn.SiLU,
    nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Tanh, nn.Threshold,
)  # fmt: skip
_IN_PLACE_OPERATORS = {"iadd", "imul", "isub", "itruediv"}
_LOCAL_FUNCTIONS = _IN_PLACE_OPERATORS | {
    "abs", "add", "celu", "clamp", "clamp_max", "clamp_min", "clip", "div", "dropout", "elu", "exp", "gelu",
    "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log", "logsigmoid", "maximum", "minimum", "mish", "mul",
    "neg", "pow", "relu", "relu6", "rsqrt", "selu", "sigmoid", "silu", "softplus", "softsign", "sqrt", "square",
    "stochastic_depth", "sub", "tanh", "threshold", "truediv",
}  # fmt: skip
_NOTHING = (nn.Identity, nn.Dropout, nn.Dropout2d, nn.AlphaDropout)  # to do in evaluation mode


@dataclass(frozen=True, eq=False)
class Step:
    """``out`` is ``function(*args, **kwargs)``, where nodes stand for their values.

    Of any kind: each place of it may depend on every place of what it is made from.
    """

    out: Node
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def inputs(self) -> list[Node]:
        found: dict[Node, None] = {}
        fx.map_arg((self.args, self.kwargs), found.setdefault)
        return list(found)


class Local(Step):
    """A place depends on that place of the inputs alone."""


class Mean(Step):
    """Of every map of the only input, over all places."""


@dataclass(frozen=True, eq=False)
class Sliding(Step):
    """Kernels slide over the only input. ``inside`` is the same without padding; what pads is worth ``fill``."""

    kernels: tuple[Kernel, Kernel]  # down the rows and along the columns
    inside: Callable[[Tensor], Tensor]
    fill: float


class Averaging(Sliding):
    """``inside`` is the sum: what it is divided by depends on the place, and ``function`` of ones tells."""


@dataclass(frozen=True, eq=False)
class Convolving(Sliding):
    """A ReLU may follow both."""

    inside: Convolution
    rectifies: bool


class Program(NamedTuple):
    """Steps from the value of ``picture`` to those in ``output``; ``layers`` by name; and what is always the same."""

    steps: list[Step]
    picture: Node
    output: Any
    layers: dict[str, Node]
    constants: dict[Node, Any]


class Traced(NamedTuple):
    """``plans`` is for whoever works out what follows from the graph."""

    graph: fx.Graph
    layers: dict[str, Node]
    plans: dict


def trace(module: nn.Module) -> Traced:
    """The graph of a module in evaluation mode. Raises whatever goes wrong in a module that cannot be read."""
    if any(part._forward_hooks or part._forward_pre_hooks for part in module.modules()):
        raise TypeError("a hook may do anything")
    tracer = _Tracer()
    try:
        graph = tracer.trace(scratch_copy(module))
    finally:
        tracer.root = nn.Module()  # instead of the copy
        take_back(tracer.lent)
    order = {node: place for place, node in enumerate(graph.nodes)}
    for node in list(graph.nodes):
        part = _part(node, module)
        if type(part) in _NOTHING:
            before: Any = node.args[0]
            node.replace_all_uses_with(before)
            tracer.layers = {name: before if one is node else one for name, one in tracer.layers.items()}
        elif _in_place(node, part):  # whoever uses its input afterwards gets what has become of it
            node.args[0].replace_all_uses_with(node, lambda user, at=order[node]: order.get(user, at) > at)
        elif node.target is operator.getitem:
            _keep_dimension(graph, node)
    return Traced(graph, tracer.layers, {})


def _keep_dimension(graph: fx.Graph, node: Node) -> None:
    """Instead of ``x[:, 2].unsqueeze(1)``, as trained GoogLeNets begin, ``x[:, 2:3]``, which is a map throughout."""
    maps, index = node.args
    if not isinstance(index, tuple) or len(index) != 2 or index[0] != slice(None) or not isinstance(index[1], int):
        return
    for user in list(node.users):
        if _name(user) == "unsqueeze" and user.args[1:] == (1,):
            with graph.inserting_before(user):
                channel = slice(index[1], index[1] + 1 or None)
                user.replace_all_uses_with(graph.call_function(operator.getitem, (maps, (slice(None), channel))))


class _Tracer(fx.Tracer):
    """Leaves other threads in peace, and remembers what came out of each layer."""

    proxy_buffer_attributes = True

    def __init__(self) -> None:
        super().__init__()
        self.layers: dict[str, Node] = {}
        self.lent: list[ref] = []  # the stand-ins
        self._thread = threading.get_ident()
        self._calls: Counter[str] = Counter()

    def proxy(self, node: Node) -> fx.Proxy:
        lent = super().proxy(node)
        self.lent.append(ref(lent))
        return lent

    def call_module(self, m: nn.Module, forward: Callable, args: tuple, kwargs: dict) -> Any:
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        output = super().call_module(m, forward, args, kwargs)
        if isinstance(output, fx.Proxy):
            name = self.path_of_module(m)
            self._calls[name] += 1
            self.layers[name if self._calls[name] == 1 else f"{name}#{self._calls[name]}"] = output.node
        return output

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict) -> Any:
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def create_arg(self, a: Any) -> Any:
        if isinstance(a, Tensor) and not isinstance(a, nn.Parameter):
            raise TypeError("a tensor that is made on the way would be stored in the module")
        return super().create_arg(a)


def read(traced: Traced, module: nn.Module, layers: Iterable[str], dtype: torch.dtype) -> Program:
    """The steps to the output and to ``layers``, with the weights that the module has now, in ``dtype``.

    A BatchNorm and a ReLU become part of the convolution before them.
    """
    nodes = list(traced.graph.nodes)
    (picture,) = (node for node in nodes if node.op == "placeholder" and not node.args)
    asked = {name: traced.layers[name] for name in layers}
    needed = {nodes[-1], *asked.values()}
    for node in reversed(nodes):
        if needed.intersection(node.users):
            needed.add(node)

    def then(node: Node, kind: type[nn.Module]) -> Node | None:
        """What alone uses it, if that is of this kind."""
        user = next(iter(node.users)) if len(node.users) == 1 and node not in asked.values() else None
        return user if user and (type(_part(user, module)) is kind or _name(user) == kind.__name__.lower()) else None

    steps: list[Step] = []
    constants: dict[Node, Any] = {}
    done = {picture, nodes[-1]}
    for node in nodes:
        if node not in needed or node in done:
            continue
        part = _part(node, module)
        if node.op == "placeholder":
            constants[node] = node.args[0]
        elif node.op == "get_attr":
            constants[node] = operator.attrgetter(node.target)(module)
        elif type(part) is nn.Conv2d and (padding := _zeros_around(part)):
            norm = then(node, nn.BatchNorm2d)
            affine = _part(norm, module) if norm else None
            if not isinstance(affine, nn.BatchNorm2d) or not _is_affine(affine):
                norm = affine = None
            relu = then(norm or node, nn.ReLU)
            steps.append(_convolving(relu or norm or node, node, part, padding, affine, bool(relu), dtype))
            done |= {norm, relu}
        else:
            steps.append(_pooling(node, part) or _other(node, part, dtype))
    return Program(steps, picture, nodes[-1].args[0], asked, constants)


def _convolving(
    out: Node,
    node: Node,
    part: nn.Conv2d,
    padding: tuple[int, int],
    norm: nn.BatchNorm2d | None,
    rectifies: bool,
    dtype: torch.dtype,
) -> Convolving:
    weight: Tensor = part.weight
    bias: Tensor | None = part.bias
    if norm:
        mean, variance = norm.running_mean, norm.running_var
        assert mean is not None
        assert variance is not None
        scale = (variance + norm.eps).rsqrt() * (1 if norm.weight is None else norm.weight)
        weight = weight * scale[:, None, None, None]
        bias = ((0 if bias is None else bias) - mean) * scale + (0 if norm.bias is None else norm.bias)
    bias = None if bias is None else bias.to(dtype)
    weight = weight.to(dtype, memory_format=torch.channels_last)
    convolution = Convolution(weight, bias, pair(part.stride), pair(part.dilation), part.groups)
    kernels = pair(map(Kernel, part.kernel_size, part.stride, padding, part.dilation))
    function = partial(convolution, padding=padding)
    return Convolving(out, function, node.args, node.kwargs, kernels, convolution, 0.0, rectifies)


def _zeros_around(part: nn.Conv2d) -> tuple[int, int] | None:
    """How many on either side down the rows and along the columns; None if it pads in another way."""
    left, right, above, below = part._reversed_padding_repeated_twice
    return (above, left) if part.padding_mode == "zeros" and (left, above) == (right, below) else None


def _is_affine(norm: nn.BatchNorm2d) -> bool:
    """Not if it takes the mean of what it sees."""
    return norm.running_mean is not None


def _pooling(node: Node, part: nn.Module | None) -> Sliding | None:
    """None if it is nothing of that kind."""
    maximum = type(part) is nn.MaxPool2d or _name(node) == "max_pool2d"
    if not maximum and type(part) is not nn.AvgPool2d and _name(node) != "avg_pool2d":
        return None
    function: Any = part or node.target
    named = None if part else normalize_function(function, node.args, node.kwargs, normalize_to_only_use_kwargs=True)
    given: dict[str, Any] = vars(part) if part else {} if named is None else named.kwargs
    if not given or given.get("return_indices"):
        return None
    size, padding, dilation = map(_pair, (given["kernel_size"], given["padding"], given.get("dilation", 1)))
    stride = _pair(given["stride"] or size)
    if maximum:
        kind, fill = Sliding, float("-inf")
        inside = partial(F.max_pool2d, kernel_size=size, stride=stride, dilation=dilation)
    else:
        kind, fill = Averaging, 0.0
        inside = partial(F.avg_pool2d, kernel_size=size, stride=stride, divisor_override=1)
    kernels = pair(map(Kernel, size, stride, padding, dilation))
    return kind(node, function, node.args, node.kwargs, kernels, inside, fill)


def _other(node: Node, part: nn.Module | None, dtype: torch.dtype) -> Step:
    local = type(part) in _LOCAL_MODULES or _name(node) in _LOCAL_FUNCTIONS or _on_channels(node)
    if type(part) is nn.BatchNorm2d:
        local = _is_affine(part)
    function: Any = part or node.target
    if type(part) is nn.Linear:
        bias = None if part.bias is None else part.bias.to(dtype)
        function = partial(_linear, weight=part.weight.to(dtype), bias=bias)
    elif node.op == "call_method":
        function = partial(_call, str(node.target))
    if _in_place(node, part):
        function = partial(_on_a_copy, function)
    kind = Local if local else Mean if _is_mean(node, part) else Step
    return kind(node, function, node.args, node.kwargs)


def _is_mean(node: Node, part: nn.Module | None) -> bool:
    if type(part) is nn.AdaptiveAvgPool2d:
        return _pair(part.output_size) == (1, 1)
    how = (*node.args[1:], *node.kwargs.values())[:1]
    if _name(node) == "adaptive_avg_pool2d":
        return _pair(*how) == (1, 1)
    return _name(node) == "mean" and how in (((2, 3),), ((-2, -1),), ([2, 3],), ([-2, -1],))


def _part(node: Node, module: nn.Module) -> nn.Module | None:
    return module.get_submodule(str(node.target)) if node.op == "call_module" else None


def _raw_name(node: Node) -> str:
    if node.op == "call_method":
        return str(node.target)
    return getattr(node.target, "__name__", "") if node.op == "call_function" else ""


def _name(node: Node) -> str:
    """Of the function or method that it calls, without the underscore of an in-place one."""
    return _raw_name(node).rstrip("_")


def _in_place(node: Node, part: nn.Module | None) -> bool:
    name = _raw_name(node)
    said = getattr(part, "inplace", False) or node.kwargs.get("inplace", False)
    return bool(said) or name in _IN_PLACE_OPERATORS or (name.endswith("_") and not name.endswith("__"))


def _on_channels(node: Node) -> bool:
    """Whether it joins maps, or takes some of the channels."""
    if node.target is operator.getitem:
        index = node.args[1]
        return isinstance(index, tuple) and len(index) == 2 and index[0] == slice(None) and isinstance(index[1], slice)
    along = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
    return _name(node) in ("cat", "concat", "concatenate") and along in (1, -3)


def _pair(value: Any) -> tuple[int, int]:
    return pair(value) if isinstance(value, tuple | list) else (value, value)


def _call(method: str, one: Any, *args: Any, **kwargs: Any) -> Any:
    return getattr(one, method)(*args, **kwargs)


def _on_a_copy(function: Callable, one: Tensor, *args: Any, **kwargs: Any) -> Any:
    return function(one.clone(), *args, **kwargs)


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    quick = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    if quick and x.device.type == "cpu" and x.dtype == torch.float32 and x.ndim == 2:
        return quick(x, weight, bias, "none", [], "")  # on many processors much quicker for a few rows than MKL
    return F.linear(x, weight, bias)
