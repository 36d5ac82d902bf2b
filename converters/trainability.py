"""Which operators train, which pass errors on, and why the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .cut import Crossings, Cut, automatic_cut, external_operators, named_cut, replay_cut
from .errors import ConversionError
from .graph import Graph, Operator
from .layer_choice import LayerChoice, LayerParser, layers_with_bias, parameter_operators
from .layer_names import layer_names
from .operators import why_not_backward, why_not_forward


@dataclass(frozen=True)
class TrainedLayers:
    """The choice of what trains.

    Attributes
    ----------
    trained : frozenset of int
        Indices of operators whose parameters train.
    differentiated : frozenset of int
        Operators that need a backward step: trained, or above a trained one.
    errors : frozenset of int
        Tensors whose error is needed.
    distance : dict
        Trained operator -> fewest trained operators between it and the loss.
    output_layers : frozenset of int
        Trained operators with no operator with parameters between them and the loss.
    without_bias : frozenset of int
        Trained operators whose layer has no bias: what the file holds in its place stays as it is.
    only_bias : frozenset of int
        Trained operators whose weights do not.
    cut : Cut or None
        Where programs start that take its tensor as their input: in front of the trained layers, or with latent replay
        between them.
    """

    trained: frozenset[int]
    differentiated: frozenset[int]
    errors: frozenset[int]
    distance: dict[int, int]
    output_layers: frozenset[int]
    without_bias: frozenset[int] = frozenset()
    only_bias: frozenset[int] = frozenset()
    cut: Cut | None = None

    @property
    def weights(self) -> frozenset[int]:
        """Operators whose weights train."""
        return self.trained - self.only_bias

    def behind_cut(self, graph: Graph) -> "TrainedLayers":
        """The same for programs that start at the cut: nothing in front of it trains."""
        assert self.cut is not None
        trained = frozenset(index for index in self.trained if index >= self.cut.first_operator)
        operators, errors = _above(graph, trained)
        return replace(self, trained=trained, differentiated=operators & self.differentiated, errors=errors)


def _parse_layers(
    graph: Graph, layers: str | Sequence[str | int], cut: Cut | None, with_bias: frozenset[int]
) -> LayerChoice:
    parser = LayerParser(graph, with_bias)
    if cut is not None:
        return _above_cut(graph, layers, cut, parser)
    return parser.read(layers, parameter_operators(graph))


def _above(graph: Graph, trained: frozenset[int]) -> tuple[frozenset[int], frozenset[int]]:
    """Operators at or above trained ones, and the tensors they compute."""
    operators: set[int] = set()
    tensors: set[int] = set()
    for op in graph.operators:
        if op.index in graph.folded:
            continue
        if op.index in trained or any(t in tensors for t in op.inputs):
            operators.add(op.index)
            tensors.update(op.outputs)
    return frozenset(operators), frozenset(tensors)


def _distances(graph: Graph, loss_tensor: int, counted: frozenset[int]) -> dict[int, int]:
    """Tensor -> fewest counted operators between it and the loss (tensors that do not reach the loss are absent)."""
    distance = {loss_tensor: 0}
    for op in reversed(graph.operators):
        through = [distance[t] for t in op.outputs if t in distance]
        if not through or op.index in graph.folded:
            continue
        steps = min(through) + (op.index in counted)
        for t in op.inputs:
            if t >= 0:
                distance[t] = min(distance.get(t, steps), steps)
    return distance


def _largest_trainable_suffix(graph: Graph) -> int:
    """The largest N for which last:N can train."""
    candidates = parameter_operators(graph)
    best = 0
    for count in range(1, len(candidates) + 1):
        operators, _ = _above(graph, frozenset(candidates[-count:]))
        if any(why_not_backward(graph, graph.operators[i]) for i in operators):
            break
        best = count
    return best


def _refuse(graph: Graph, op: Operator, reason: str) -> ConversionError:
    count = _largest_trainable_suffix(graph)
    remedy = f"train the layers above it with --layers last:{count}" if count else "no layer above it can train instead"
    return ConversionError(
        f"{graph.name}: layer {layer_names(graph)[op.index]} cannot be trained through: {reason}; {remedy}"
    )


def _above_cut(graph: Graph, layers: str | Sequence[str | int], cut: Cut, parser: LayerParser) -> LayerChoice:
    """As ``_parse_layers`` behind a cut, where ``all`` means all that lie there."""
    names = layer_names(graph)
    where = f"the cut at {graph.tensors[cut.tensor].name!r}"
    behind = [i for i in parameter_operators(graph) if i >= cut.first_operator]
    if not behind:
        raise ConversionError(f"{graph.name}: no layer with parameters lies behind {where}; cut further in front")
    choice = parser.read(layers, behind)
    for index in sorted(choice.whole | choice.only_bias):
        if index < cut.first_operator:
            raise ConversionError(
                f"{graph.name}: layer {names[index]} lies in front of {where}, where nothing trains; leave it out of "
                "--layers, or cut in front of it"
            )
    return choice


def _refuse_what_cannot_run(graph: Graph, names: list[str], first: int) -> None:
    """All operators from one on that the runtime lacks, in one message."""
    layers: dict[str, list[str]] = {}
    for index in external_operators(graph):
        if index >= first:
            layers.setdefault(str(why_not_forward(graph, graph.operators[index])), []).append(names[index])
    if not layers:
        return
    count = sum(len(found) for found in layers.values())
    if count == 1:
        ((reason, (layer,)),) = layers.items()
        raise ConversionError(
            f"{graph.name}: layer {layer} cannot run in the device runtime: {reason}; rebuild the model without it"
        )
    shown = "; ".join(
        f"{reason} (layers {', '.join(found[:3])}{' and others' if len(found) > 3 else ''})"
        if len(found) > 1
        else f"{reason} (layer {found[0]})"
        for reason, found in layers.items()
    )
    raise ConversionError(
        f"{graph.name}: {count} layers cannot run in the device runtime: {shown}; rebuild the model without them"
    )


def _body_of(graph: Graph, names: list[str], trained: frozenset[int]) -> Cut | None:
    """The cut that a model needs because the library cannot run a layer in front of those that train; None if it runs
    them all."""
    external = external_operators(graph)
    if not external:
        return None
    first_trained = min(trained)
    cut = automatic_cut(graph, trained)
    if cut is not None:
        return cut
    _refuse_what_cannot_run(graph, names, first_trained)
    position = external[-1] + 1
    raise ConversionError(
        f"{graph.name}: layer {names[external[-1]]} cannot run in the device runtime "
        f"({why_not_forward(graph, graph.operators[external[-1]])}), and between it and layer {names[first_trained]} "
        f"there is no place where all paths have joined in one float32 tensor ({_crossing(graph, position)} cross "
        "behind it); train fewer layers (--layers), or rebuild the model without it"
    )


def _crossing(graph: Graph, position: int) -> str:
    found = [repr(graph.tensors[t].name) for t in Crossings(graph).all(position)]
    return ", ".join(found[:3]) + (" and others" if len(found) > 3 else "")


def _replay_body(graph: Graph, names: list[str], trained: frozenset[int], named: Cut | None) -> Cut:
    """The cut at which activations are kept.

    Raises
    ------
    ConversionError
        The library cannot run the whole model, or no layer trains behind the cut or has parameters in front of it.
    """
    external = external_operators(graph)
    if external:
        raise ConversionError(
            f"{graph.name}: replay latent (--replay) trains the whole model first, and layer {names[external[0]]} "
            f"cannot run in the device runtime: {why_not_forward(graph, graph.operators[external[0]])}; leave it out"
        )
    cut = named or replay_cut(graph, trained)
    first = cut.first_operator
    has_body = any(index < first for index in parameter_operators(graph))
    if not has_body or not any(index >= first for index in trained):
        raise ConversionError(
            f"{graph.name}: no layer with parameters {'trains behind' if has_body else 'lies in front of'} the cut at "
            f"{graph.tensors[cut.tensor].name!r}, where latent replay keeps activations; cut elsewhere, or leave --cut "
            "out"
        )
    return cut


def choose_layers(
    graph: Graph,
    layers: str | Sequence[str | int],
    cut: str | int = "auto",
    with_bias: frozenset[int] | None = None,
    replay: bool = False,
) -> TrainedLayers:
    """Decide what trains.

    Parameters
    ----------
    graph : Graph
    layers : str or sequence
        See ``TrainingConfig.layers``.
    cut : str or int
        See ``TrainingConfig.cut``.
    with_bias : frozenset of int, optional
        Operators that have a bias or get one; default: those that have one in the graph.
    replay : bool
        Activations are kept at the cut; layers in front of it may train.

    Raises
    ------
    ConversionError
        No such layer; an operator that the runtime cannot run and that no cut divides from the trained layers, or that
        lies above a trained layer and cannot be differentiated. The message names it, the reason and what could be
        trained instead.
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ConversionError(
            f"{graph.name} has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; "
            "export the model with exactly one input and one output"
        )
    names = layer_names(graph)
    named = None if cut == "auto" else named_cut(graph, cut)
    with_bias = layers_with_bias(graph) if with_bias is None else with_bias
    choice = _parse_layers(graph, layers, None if replay else named, with_bias)
    trained = choice.whole | choice.only_bias
    differentiated, errors = _above(graph, trained)
    reaches = _distances(graph, graph.outputs[0], frozenset())
    differentiated = frozenset(i for i in differentiated if any(t in reaches for t in graph.operators[i].outputs))
    for index in sorted(differentiated, reverse=True):
        reason = why_not_backward(graph, graph.operators[index])
        if reason and not _largest_trainable_suffix(graph):
            _refuse_what_cannot_run(graph, names, min(trained))
        if reason:
            raise _refuse(graph, graph.operators[index], reason)
    dead = sorted(trained - differentiated)
    if dead:
        raise ConversionError(
            f"{graph.name}: layer {names[dead[0]]} does not reach the output; leave it out of --layers"
        )
    body = _replay_body(graph, names, trained, named) if replay else named or _body_of(graph, names, trained)
    to_loss = _distances(graph, graph.outputs[0], trained)
    to_output = _distances(graph, graph.outputs[0], frozenset(parameter_operators(graph)))
    distance = {i: min(to_loss[t] for t in graph.operators[i].outputs if t in to_loss) for i in trained}
    output_layers = frozenset(
        i for i in trained if min(to_output[t] for t in graph.operators[i].outputs if t in to_output) == 0
    )
    return TrainedLayers(trained, differentiated, errors, distance, output_layers, only_bias=choice.only_bias, cut=body)
