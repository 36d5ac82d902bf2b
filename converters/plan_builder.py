"""The whole plan: programs for every forward pass, one parameter section, records."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from . import plan_format as pf
from . import spare_classes
from .alignment import aligned_layers
from .backward_pass import BackwardPass, LayerSlot, saving_operators, selection_candidates
from .cut import external_operators
from .errors import ConversionError
from .forward_pass import ForwardPass, in_place_steps
from .gradients import parse_gradients
from .graph import Graph, Operator, Quantization, Tensor
from .layer_names import layer_names
from .loss_end import choose_loss
from .memory_planner import aligned, place_as_in, plan_program, share_in_place
from .operators import EXTERNAL, OPERATORS
from .operators.fixed_point import of_bias
from .operators.lookup import input_limit
from .options import DEVICE_OPTIONS, OPTIONS, device_numbers
from .policies import Align, Gate, Gradient, Optimizer, Recipe, Replay, Schedule, Selector, Targets, Update
from .program import Program, Step, Value
from .quantization import QuantizationRecords, stated
from .surrogates import choose_surrogates
from .trainability import TrainedLayers

if TYPE_CHECKING:
    from ..config import TrainingConfig

_BASES = {
    pf.Place.ARENA: pf.Base.PROGRAM,
    pf.Place.INPUT: pf.Base.INPUT,
    pf.Place.CONSTANT: pf.Base.FILE,
    pf.Place.PARAMETER: pf.Base.PERSISTENT,
}


class PlanBuilder:
    """Builds the plan of a graph.

    Parameters
    ----------
    graph : Graph
        With un-shared parameters and all biases that are to train.
    layers : TrainedLayers
    config : TrainingConfig
    tflm : bool
        Also write a training program for TensorFlow Lite Micro's forward pass.
    """

    def __init__(self, graph: Graph, layers: TrainedLayers, config: "TrainingConfig", tflm: bool = True) -> None:
        self.graph = graph
        self.layers = layers
        self.config = config
        self.spare = spare_classes.in_file(graph)
        self.loss = choose_loss(graph, spare_classes.loss_word(config.loss, self.spare))
        if self.loss.tensor not in layers.errors:
            raise ConversionError(f"{graph.name}: no trained layer lies below the loss; name other --layers")
        if Schedule.chosen(config) != Schedule.NONE and self.loss.loss.targets == Targets.NUMBERS:
            raise ConversionError(
                f"{graph.name}: schedule {config.schedule} (--schedule) knows easy samples by the probability of their "
                f"labels, and the loss {self.loss.loss.word} has none; leave it out"
            )
        self.replay = Replay.chosen(config)
        if self.replay != Replay.NONE:
            self._check_replay()
        self.optimizer = Optimizer.chosen(config)
        if config.errors == "int16" and not Selector.chosen(config).takes_integers:
            raise ConversionError(f"selector {config.selector} chooses among float32 errors only; use --errors float32")
        self.update = self._update()
        if self.update.has_object and not Selector.chosen(config).takes_int8:
            raise ConversionError(
                f"{graph.name}: selector {config.selector} (--selector) ranks channels by float32 weights, and the "
                f"weights of this model are int8; use tinyprop or static-topk"
            )
        self.spare_notes = self._spare()
        self.surrogates = choose_surrogates(graph, layers, config)
        self.parameters: dict[int, int] = {}  # tensor -> parameter
        self.units: dict[int, Quantization] = {}  # bias -> what its integers stand for
        self._parameter_records()
        self._layer_records()
        self.aligned: dict[int, int] = {}  # operator -> layer
        self.notes = self._notes()
        if Align.chosen(config) != Align.NONE:
            operators, left = aligned_layers(graph, layers, self.loss)
            self.aligned = {index: self.slots[index].index for index in operators}
            self.notes += left
        lacking = {name for name, spec in OPERATORS.items() if not spec.in_tflm} | {"SELECT"}
        missing = sorted({op.type for op in graph.operators} & lacking)
        if missing:
            self.notes.append(
                f"TensorFlow Lite Micro has no {' and no '.join(missing)}: the file trains with the library's own "
                "kernels, not on its forward pass"
            )
        self.programs = self._programs(tflm and not missing)
        self._constants()

    def _programs(self, tflm: bool) -> list[Program]:
        """The library's own of the whole model, where it runs the body, and from the cut, where there is one; then
        those of TensorFlow Lite Micro, which places all tensors once: from the cut they stay where they are."""
        kind, native, external = pf.ProgramKind, pf.ForwardKind.NATIVE, pf.ForwardKind.TFLM
        cut = self.layers.cut
        kinds = [] if cut is not None and cut.external else [kind.INFER, kind.TRAIN]
        kinds += [] if cut is None else [kind.INFER_FROM_CUT, kind.TRAIN_FROM_CUT]
        kinds += [kind.ALIGN] if self.aligned else []
        programs = [self._program(k, native) for k in kinds]
        for program in programs:
            self._plan_native(program)
        if self.aligned:  # in the memory that training has
            train, align = (next(p for p in programs if p.kind == k) for k in (kind.TRAIN, kind.ALIGN))
            train.arena_bytes = max(train.arena_bytes, align.arena_bytes)
        if tflm:
            whole = self._program(kind.TRAIN, external)
            plan_program(whole)
            programs.append(whole)
            if cut is not None:
                programs.append(self._program(kind.TRAIN_FROM_CUT, external))
                place_as_in(programs[-1], whole)
        return programs

    def _check_replay(self) -> None:
        """A kept activation has one class number beside it, and as many bytes as the plan can count."""
        why = None
        if self.loss.loss.targets == Targets.NUMBERS:
            why = f"the loss {self.loss.loss.word} takes numbers"
        elif self.graph.tensors[self.graph.outputs[0]].elements != self.loss.classes:
            why = "the output has several rows, each with a class"
        if why is not None:
            raise ConversionError(
                f"{self.graph.name}: replay latent (--replay) keeps one class number for each sample, and {why}; leave "
                "it out"
            )

    def _constants(self) -> None:
        """Numbers the constants of all programs."""
        values = (value for program in self.programs for value in program.values())
        tensors = sorted({value.offset for value in values if value.place == pf.Place.CONSTANT})
        self.constants = {tensor: number for number, tensor in enumerate(tensors)}  # tensor -> number
        self.row_bytes = aligned(4 * max(map(self._row_elements, self.layers.trained), default=0))
        self.persistent_bytes = aligned(self.state_end + 4 * len(tensors)) + self.row_bytes
        self._limit(self.persistent_bytes)

    def _parameter_records(self) -> None:
        entries: list[tuple[int, int, int, pf.ParameterKind]] = []
        for layer, index in enumerate(sorted(self.layers.trained)):
            op = self.graph.operators[index]
            weight = op.inputs[OPERATORS[op.type].position("w")]
            trained = -1 if index in self.layers.only_bias else weight
            for kind, tensor in ((pf.ParameterKind.WEIGHT, trained), (pf.ParameterKind.BIAS, self._bias(op))):
                if tensor >= 0:
                    self.parameters[tensor] = len(entries)
                    entries.append((tensor, index, layer, kind))
        records = np.zeros(len(entries), pf.PARAMETER)
        offset = 0
        for record, (tensor, index, layer, kind) in zip(records, entries):
            stored = self.graph.tensors[tensor]
            scalar = pf.ScalarType.of(stored.dtype)
            assert scalar is not None  # a kernel takes it
            record["tensor"], record["elements"] = tensor, stored.elements
            record["operator"], record["layer"], record["kind"] = index, layer, kind
            record["type"], record["arena_offset"] = scalar, offset
            record["gradient_offset"] = record["remainder_offset"] = pf.NONE_OFFSET
            if kind == pf.ParameterKind.BIAS and scalar != pf.ScalarType.FLOAT32:
                self.units[tensor] = of_bias(*self._layer_tensors(self.graph.operators[index]))
            offset += aligned(stored.elements * scalar.dtype.itemsize)
        self.weight_bytes = offset
        if self.config.accumulate > 1:
            for record in records:
                record["gradient_offset"] = offset
                offset += aligned(4 * int(record["elements"]))
        if self.update.has_remainders:
            for record in records:
                if record["type"] != pf.ScalarType.FLOAT32:
                    record["remainder_offset"] = offset
                    offset += aligned(int(record["elements"]))
        self.optimizer_offset = offset
        self.state_offset = offset + 4 * self.optimizer.shared_floats + self.optimizer.state_floats * self.weight_bytes
        self.parameter_records = records

    def _layer_tensors(self, op: Operator) -> tuple[Tensor, Tensor]:
        """Input and weights of an operator."""
        spec = OPERATORS[op.type]
        return self.graph.tensors[op.inputs[spec.position("x")]], self.graph.tensors[op.inputs[spec.position("w")]]

    def _update(self) -> Update:
        """How steps reach the weights that train.

        Raises
        ------
        ConversionError
            Another rule than SGD for integers.
        """
        operators = [self.graph.operators[index] for index in sorted(self.layers.trained)]
        integers = [op for op in operators if self._layer_tensors(op)[1].dtype != "float32"]
        if not integers:
            return Update.FLOAT
        if self.optimizer.has_object:
            raise ConversionError(
                f"{self.graph.name}: layer {layer_names(self.graph)[integers[0].index]} has int8 weights, which train "
                f"with --optimizer {Optimizer(0).word} only, not {self.optimizer.word}"
            )
        return next(update for update in Update if update.word == self.config.update)

    def _row_elements(self, index: int) -> int:
        """Weights of a row that a kernel without memory of its own hands to the update rule."""
        op = self.graph.operators[index]
        spec = OPERATORS[op.type]
        if not self.optimizer.has_object or not spec.hands_rows or index in self.layers.only_bias:
            return 0
        weights = self.graph.tensors[op.inputs[spec.position("w")]]
        return weights.elements // weights.shape[0]

    def _bias(self, op: Operator) -> int:
        """The tensor of the bias that trains, -1 if none does."""
        spec = OPERATORS[op.type]
        if "b" not in spec.parameters or op.index in self.layers.without_bias:
            return -1
        return op.input(spec.position("b"))

    def _layer_records(self) -> None:
        self.slots: dict[int, LayerSlot] = {}
        self.layer_records = np.zeros(len(self.layers.trained), pf.LAYER)
        sparse = self.config.selector != "dense"
        for layer, index in enumerate(sorted(self.layers.trained)):
            op = self.graph.operators[index]
            is_output = index in self.layers.output_layers
            candidates = selection_candidates(self.graph, op, self.surrogates.get(index))
            selects = sparse and OPERATORS[op.type].selects and (self.config.output_sparse or not is_output)
            self.slots[index] = LayerSlot(layer, candidates, candidates if selects else 0)
            record = self.layer_records[layer]
            record["operator"], record["distance"] = index, self.layers.distance[index]
            weight, bias = op.inputs[OPERATORS[op.type].position("w")], self._bias(op)
            record["weight"] = pf.NONE_INDEX if index in self.layers.only_bias else self.parameters[weight]
            record["bias"] = self.parameters[bias] if bias >= 0 else pf.NONE_INDEX
            if bias >= 0:
                terms = self.graph.tensors[weight].elements // self.graph.tensors[bias].elements
                record["terms"] = min(terms, pf.MANY_TERMS)
            record["candidates"], record["max_selected"] = candidates, self.slots[index].max_selected
            record["state_offset"] = self.state_offset + 4 * layer
            record["channels"] = self.graph.tensors[op.outputs[0]].shape[-1]
            channel_last = self.graph.tensors[weight].shape[:1] != (record["channels"],)
            dense = not OPERATORS[op.type].selects
            record["flags"] = pf.LAYER_OUTPUT * is_output | pf.LAYER_DENSE * dense
            record["flags"] |= pf.LAYER_CHANNEL_LAST * channel_last
        self.gate_bytes = Gate.chosen(self.config).state_bytes
        self.spare_offset = self.state_offset + 4 * len(self.layer_records)
        spare_bytes = pf.SPARE_CLASS_BYTES * (0 if self.spare is None else self.spare.count)
        self.state_end = self.spare_offset + spare_bytes + self.gate_bytes + self.update.state_bytes

    def _notes(self) -> list[str]:
        """What a user would not expect: a body that another interpreter runs, a ratio of less than one element, an
        option for integers where floats train."""
        notes = self._body_notes() + self._ratio_notes() + self._update_notes() + self._errors_notes()
        return notes + self._gradient_notes() + self.spare_notes

    def _spare(self) -> list[str]:
        """Classes that can be taught are those whose weights and bias train."""
        if self.spare is None:
            return []
        name = layer_names(self.graph)[self.spare.operator]
        if self.loss.loss.targets != Targets.CLASSES:
            raise ConversionError(
                f"{self.graph.name}: spare classes (--spare-classes) need a loss in which an output of probability 0 "
                f"has no error, and {self.loss.loss.word} (--loss) is none; use cross-entropy"
            )
        if self.spare.operator in self.layers.weights - self.layers.without_bias:
            return []
        if self.config.spare_classes:
            raise ConversionError(
                f"{self.graph.name}: spare classes (--spare-classes) are taught by weights and bias of layer {name}, "
                "which do not train; name it with --layers, or leave the option out"
            )
        silent = self.spare.silent
        self.spare = None
        return [f"{silent} silent outputs stay so: weights and bias of layer {name} do not train"]

    def _gradient_notes(self) -> list[str]:
        chosen = self.config.gradient
        if self.surrogates or all(form.gradient is Gradient.EXACT for _, form in parse_gradients(chosen)):
            return []
        return [f"gradient {chosen} (--gradient) has no effect: no convolution trains"]

    def _update_notes(self) -> list[str]:
        chosen = self.config.update
        if self.update.has_object or chosen == OPTIONS["update"].default:
            return []
        return [f"update {chosen} (--update) has no effect: the weights that train are float32, not int8"]

    def _errors_notes(self) -> list[str]:
        chosen = self.config.errors
        if chosen == "auto":
            return [
                "errors float32 (--errors auto): the file does not say for which board it is; --errors int16 trains "
                "without a floating-point unit"
            ]
        if chosen == OPTIONS["errors"].default or any(
            spec.computes_int8(self.graph, op)
            for op in self.graph.operators
            if (spec := OPERATORS.get(op.type)) is not None and op.index in self.layers.differentiated
        ):
            return []
        return [f"errors {chosen} (--errors) has no effect: the layers that pass errors on are float32, not int8"]

    def _body_notes(self) -> list[str]:
        cut = self.layers.cut
        if cut is None or not cut.external:
            return []
        names, foreign = layer_names(self.graph), external_operators(self.graph)
        listed = ", ".join(f"{names[i]} ({self.graph.operators[i].type})" for i in foreign[:3])
        return [
            f"the library cannot run {listed}{' and others' if len(foreign) > 3 else ''} itself: TensorFlow Lite Micro "
            f"(on a PC ai-edge-litert) runs the layers up to {names[cut.first_operator - 1]}, which stay as they are, "
            "and what lies behind trains on their output"
        ]

    def _ratio_notes(self) -> list[str]:
        """Layers of which a ratio selects less than one element."""
        ratio, names = np.float32(self.config.ratio), layer_names(self.graph)
        if self.config.selector != "static-topk":
            return []
        return [
            f"layer {names[index]} has {slot.candidates} elements to select from: ratio {ratio:g} of them is less than "
            f"one, and one is kept; --ratio {1 / slot.candidates:.2g} means the same"
            for index, slot in self.slots.items()
            if slot.max_selected and ratio * np.float32(slot.candidates) < 1
        ]

    def _program(self, kind: pf.ProgramKind, forward_kind: pf.ForwardKind) -> Program:
        cut = self.layers.cut if kind in (pf.ProgramKind.TRAIN_FROM_CUT, pf.ProgramKind.INFER_FROM_CUT) else None
        train = kind in (pf.ProgramKind.TRAIN, pf.ProgramKind.TRAIN_FROM_CUT)
        layers = self.layers if cut is None else self.layers.behind_cut(self.graph)
        surrogates = {index: found for index, found in self.surrogates.items() if index in layers.trained}
        saved = saving_operators(self.graph, layers) | surrogates.keys() if train else frozenset()
        replays = self.replay != Replay.NONE and kind == pf.ProgramKind.TRAIN
        kept = self.layers.cut.tensor if replays and self.layers.cut is not None else None
        if kind == pf.ProgramKind.ALIGN:
            surrogates = {}
        aligned = self.aligned if kind == pf.ProgramKind.ALIGN else None
        forward = ForwardPass(
            self.graph, forward_kind, self.parameters, saved, cut, self.units, surrogates, kept, aligned
        )
        program = Program(kind, forward_kind, forward.steps, [], forward.input, forward.output)
        program.loss_input = forward.floats(self.loss.input)
        program.first_operator = forward.first_operator
        if train:
            backward = BackwardPass(
                self.graph,
                layers,
                forward,
                self.slots,
                self.loss.tensor,
                self.config.errors == "int16",
                surrogates,
            )
            program.backward = backward.steps
            program.loss_error = backward.loss_error
        return program

    @staticmethod
    def _plan_native(program: Program) -> None:
        for index in in_place_steps(program.forward):
            program.compute_lifetimes()
            source, target = program.forward[index].values[:2]
            assert source is not None and target is not None
            share_in_place(program, index, source, target)
        plan_program(program)

    def build(self) -> pf.Plan:
        """The plan's records (fingerprint and weights_crc are the caller's)."""
        values: list[np.ndarray] = []
        steps: list[np.ndarray] = []
        indices: list[int] = []
        words = list(self.constants)
        self.quantization = QuantizationRecords(words)
        for record in self.parameter_records:
            tensor, kind = int(record["tensor"]), pf.ScalarType(int(record["type"]))
            found = self.units.get(tensor, stated(self.graph.tensors[tensor]))
            record["quantization"] = self.quantization.index(found, kind)
        programs = np.zeros(len(self.programs), pf.PROGRAM)
        for record, program in zip(programs, self.programs):
            self._encode_program(record, program, values, steps, indices, words)
        sections = {
            pf.SectionKind.DEFAULTS: self._defaults(),
            pf.SectionKind.PARAMETERS: self.parameter_records,
            pf.SectionKind.LAYERS: self.layer_records,
            pf.SectionKind.PROGRAMS: programs,
            pf.SectionKind.VALUES: np.array(values, pf.VALUE),
            pf.SectionKind.STEPS: np.array(steps, pf.STEP),
            pf.SectionKind.INDICES: np.array(indices, "<u2"),
            pf.SectionKind.WORDS: np.array(words, "<u4"),
            pf.SectionKind.QUANTIZATION: self.quantization.records(),
        }
        return pf.Plan(sections)

    def _defaults(self) -> np.ndarray:
        config, record = self.config, np.zeros(1, pf.DEFAULTS)
        record["loss"], record["loss_scale"], record["classes"] = self.loss.loss, self.loss.scale, self.loss.classes
        for name, number in device_numbers({name: getattr(config, name) for name in DEVICE_OPTIONS}).items():
            record[name] = number
        record["optimizer"], record["optimizer_offset"] = self.optimizer, self.optimizer_offset
        record["update"], record["gate_state_bytes"] = self.update, self.gate_bytes
        record["row_elements"] = self.row_bytes // 4
        record["schedule"] = Schedule.chosen(config)
        record["schedule_threshold"] = config.schedule_threshold
        record["replay"], record["freeze_epoch"] = self.replay, config.freeze_epoch
        record["recipe"] = Recipe.chosen(config)
        if self.replay != Replay.NONE:
            record["slots"], record["replay_type"] = config.slots, pf.ScalarType.of(config.replay_type)
        record["align"] = Align.chosen(config)
        record["align_samples"], record["align_margin"] = config.align_samples, config.align_margin
        if self.spare is not None:
            record["spare_classes"], record["spare_offset"] = self.spare.count, self.spare_offset
            record["spare_layer"] = self.slots[self.spare.operator].index
        record["seed"] = config.seed
        record["persistent_bytes"] = self.persistent_bytes
        record["constants_offset"], record["constant_count"] = self.state_end, len(self.constants)
        if self.layers.cut is None or not self.layers.cut.external:  # TFLM is given what the model takes
            record["input_limit"] = input_limit(self.graph)
        return record

    def _encode_program(
        self, record: Any, program: Program, values: list, steps: list, indices: list[int], words: list[int]
    ) -> None:
        members = program.values()
        number = {value: i for i, value in enumerate(members)}

        def ref(value: Value | None) -> int:
            return pf.NONE_INDEX if value is None else number[value]

        record["kind"], record["forward_kind"] = program.kind, program.forward_kind
        record["value_begin"], record["value_count"] = len(values), len(members)
        record["step_begin"] = len(steps)
        record["forward_count"], record["backward_count"] = len(program.forward), len(program.backward)
        record["input"], record["output"] = ref(program.input), ref(program.output)
        record["loss_error"], record["loss_input"] = ref(program.loss_error), ref(program.loss_input)
        for end in ("input", "output", "loss_error", "loss_input"):
            record[f"{end}_address"] = self._address(getattr(program, end))
        record["input_elements"], record["output_elements"] = program.input.elements, program.output.elements
        record["arena_bytes"] = program.arena_bytes
        record["first_operator"], record["last_operator"] = program.first_operator, len(self.graph.operators) - 1
        for value in members:
            row = np.zeros((), pf.VALUE)
            row["tensor"], row["offset"], row["bytes"] = value.tensor, self._offset(value), value.bytes
            row["first_step"], row["last_step"], row["alias"] = value.first, value.last, ref(value.alias and value.root)
            row["type"], row["place"], row["role"], row["rank"] = value.type, value.place, value.role, len(value.dims)
            row["quantization"] = self.quantization.index(value.quantization, value.type)
            row["dims"][: len(value.dims)] = value.dims
            values.append(row)
        for step in program.steps:
            arguments = step.values
            if step.kernel is EXTERNAL:
                arguments = arguments[: pf.MAX_OPERATOR_VALUES]  # for information: nobody on the device reads them
            if len(arguments) > pf.MAX_OPERATOR_VALUES:
                raise ConversionError(
                    f"operator {step.operators[0]} ({step.kernel.name}) has too many inputs and outputs for the plan"
                )
            row = np.zeros((), pf.STEP)
            row["kernel"], row["phase"] = step.kernel.number, step.phase
            row["value_begin"], row["value_count"] = len(indices), len(arguments)
            indices += [ref(value) for value in arguments]
            row["operator_begin"], row["operator_count"] = len(indices), len(step.operators)
            indices += step.operators
            words += [self._address(value) for value in reversed(arguments)]
            row["word_begin"], row["word_count"] = len(words), len(step.words)
            words += [self._word(word, step) for word in step.words]
            row["layer"], row["accumulate_mask"] = step.layer, step.accumulate_mask
            steps.append(row)

    def _address(self, value: Value | None) -> int:
        if value is None:
            return pf.NONE_ADDRESS
        base, offset = _BASES[value.place], self._offset(value)
        if value.place == pf.Place.PARAMETER:
            offset = int(self.parameter_records[offset]["arena_offset"])
        self._limit(offset)
        return base << pf.ADDRESS_BITS | offset

    def _offset(self, value: Value) -> int:
        return self.constants[value.offset] if value.place == pf.Place.CONSTANT else value.offset

    def _limit(self, offset: int) -> None:
        if offset >> pf.ADDRESS_BITS:
            raise ConversionError(
                f"training {self.graph.name} needs an arena of more than {1 << pf.ADDRESS_BITS} bytes, for which the "
                "plan has no addresses; train fewer layers (--layers)"
            )

    def _word(self, word: int | float, step: Step) -> int:
        try:
            return int(struct.unpack("<I", struct.pack("<f" if isinstance(word, float) else "<i", word))[0])
        except (struct.error, OverflowError):
            raise ConversionError(
                f"{self.graph.name}: operator {step.operators[0]} ({step.kernel.name}) has the constant {word}, beyond "
                "the 32 bits of the training plan; export the model again with a smaller one"
            ) from None
