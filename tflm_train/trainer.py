"""Training with Keras' habits on any device."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from .alignment import align
from .body import FrozenBody
from .callbacks import Callbacks, Optimizer
from .converters import model_writer
from .converters.options import OPTIONS, checked, refuse_idle
from .converters.plan_format import decode
from .converters.policies import Align, Recipe, Replay
from .converters.remainders import (
    add_remainders,
    has_remainders,
    read_remainders,
    with_remainders,
    without_remainders,
)
from .data import check_inputs
from .data_range import needs_look, range_warning
from .devices import Device, NativeDevice, open_device
from .devices.device import NO_SLOT
from .errors import (
    ClassTrainedError,
    DataWarning,
    DeviceError,
    NonFiniteError,
    PlanOptionError,
    TrainingWarning,
    UserError,
)
from .history import AlignmentOutcome, History
from .input_type import InputType
from .keras_weights import write_to_keras
from .layer_weights import LayerWeights
from .losses import Objective
from .model import TrainableModel, load_model
from .progress import TrainingProgress
from .rate_search import RateSearch
from .run_recipe import RunRecipe
from .run_watch import RunWatch
from .samples import Samples, check_sample_weight, class_weights, split
from .sampling import Sampling, check_align, check_replay
from .saturation import probes, saturation
from .spare_classes import (
    bias_tensor,
    check_spare,
    check_teachable,
    counts,
    of_classes,
    refuse_all_untaught,
    refuse_untaught,
    spare_range,
    untaught_classes,
    untaught_sentence,
)
from .streams import as_arrays, is_dataset
from .training_run import TrainingRun, advice, order_generator, sample_order

if TYPE_CHECKING:
    from .measure.step_cost import StepCost


class Trainer:
    """A model in training on a device.

    >>> trainer = Trainer("model_trainable.tflite")
    >>> trainer.fit(x, y, epochs=5, validation_data=(x_test, y_test))
    >>> trainer.save("trained.tflite")

    Parameters
    ----------
    model : TrainableModel, path or bytes
        A ``.tflite`` with a training plan.
    device : str or Device
        A name (``native``, ``native-parity``), or a device with this very model loaded.
    arena_bytes : int, optional
        Memory that the device gives the model; default: what the plan states.
    from_cut : bool
        ``x`` holds activations at the plan's cut, computed elsewhere. Otherwise it holds samples of the model; where
        the library cannot run what lies in front of the cut, ai-edge-litert computes that, once for each sample of a
        call.

    Raises
    ------
    UserError
        The model has no plan, is damaged, or does not fit the device; the arena has no size.
    """

    def __init__(
        self,
        model: TrainableModel | str | os.PathLike[str] | bytes,
        device: str | Device = "native",
        arena_bytes: int | None = None,
        from_cut: bool = False,
    ) -> None:
        if arena_bytes is not None:
            _check_count("arena_bytes", arena_bytes)
        self.model = load_model(model)
        if from_cut and self.model.plan.cut is None:
            raise UserError(f"{self.model.name}: its plan has no cut; convert it with --cut LAYER")
        self._from_cut = from_cut
        self._body = FrozenBody(self.model) if self.model.has_external_body and not from_cut else None
        self.device = open_device(device, self.model, arena_bytes, from_cut) if isinstance(device, str) else device
        self._input = InputType("float32") if from_cut else InputType.of_file(self.model.data, self.model.name)
        self._input_shape = self.model.cut_shape if from_cut else self.model.input_shape
        self._input_limit = 0 if from_cut else self.model.input_limit
        self._output_shape = self.model.output_shape
        self._objective = Objective.of_plan(self.model.plan, self._output_shape)
        self.stop_training = False  # set by a callback
        self._given: set[str] = set()  # options that somebody set, which no recipe changes
        self._seen = 0.0  # largest magnitude of a sample that was trained on
        self._elements = int(self.model.plan.parameters["elements"].sum())
        self._remainders = read_remainders(self.model.data, self.model.plan)
        self._take_remainders()

    def __repr__(self) -> str:
        return f"<Trainer of {self.model.name} on {self.device.name}: {self._elements:,} trainable parameters>"

    def fit(
        self,
        x: Any,
        y: Any = None,
        epochs: int = 1,
        validation_data: Any = None,
        learning_rate: float | str | None = None,
        shuffle: bool = True,
        seed: int | None = None,
        verbose: str | int = "auto",
        *,
        batch_size: int | None = None,
        validation_split: float = 0.0,
        callbacks: Any = None,
        class_weight: Any = None,
        sample_weight: Any = None,
        schedule: str | None = None,
        schedule_threshold: float | None = None,
        replay: str | None = None,
        freeze_epoch: int | None = None,
        recipe: str | None = None,
        align: str | None = None,
        align_samples: int | None = None,
        align_margin: float | None = None,
    ) -> History:
        """Train, one sample at a time.

        Parameters
        ----------
        x : array_like or tf.data.Dataset
            Samples, shape (n, *input_shape). A dataset brings its labels: ``y`` is left out. Batched or not, it is read
            once, and has to fit into memory.
        y : array_like
            Class numbers (whole numbers), shape (n,), or for outputs with several positions (n, positions...): one for
            each row along the output's last axis; or vectors of the output's shape. Targets of cross entropies lie in
            0 to 1.
        epochs : int
            Passes over the samples.
        validation_data : tuple of array_like or tf.data.Dataset, optional
            ``(x, y)`` or ``(x, y, sample_weight)`` to evaluate on after every epoch.
        learning_rate : float or "auto", optional
            For this call; default: the option in force, which is the plan's at first. ``auto``: short runs at some
            rates from the same state, judged on samples that are held back from them (``History.tried``); nothing is
            left of them.
        shuffle : bool
            New order in every epoch, by NumPy's PCG64(seed).
        seed : int, optional
            Default: the plan's.
        verbose : {"auto", 0, 1, 2}
            1: a progress bar on stderr; 2: a line for each epoch on stdout; ``auto``: the bar on a terminal, the lines
            in a notebook.
        batch_size : int, optional
            Samples per update, whose gradients are averaged: the option ``accumulate`` for this call. More than one
            needs a plan with memory for gradients. Default: the option in force.
        validation_split : float
            Without ``validation_data``: the last part of the samples, before they are shuffled, that is evaluated on
            and not trained on.
        callbacks : callback or list of callbacks, optional
            Objects with methods of Keras' callbacks (``on_epoch_end`` and others, see ``callbacks.HOOKS``; those for
            batches are called at every update), or functions of (epoch, logs), called after every epoch. Their model is
            this trainer; what sets its ``stop_training`` ends training.
        class_weight : dict, optional
            Class number -> how much its samples count; 1 for the others. Not for validation.
        sample_weight : array_like, optional
            How much each sample counts, shape (n,), not negative: what its loss is multiplied by. A sample of weight 0
            trains nothing.
        schedule, schedule_threshold : optional
            The options of ``TrainingConfig`` for this call; default: the plan's. A schedule starts with nothing
            remembered, and takes a byte of the device's memory for each sample.
        replay, freeze_epoch : optional
            The same of latent replay, by a plan that has memory for it. What was kept before is forgotten.
        recipe : {"none", "auto"}, optional
            ``auto``: what none of the options above says is decided by the model and the samples, each with a reason
            (``History.recipe``). Default: the plan's.
        align, align_samples, align_margin : optional
            The same of ``align``, by a plan that has statistics, in front of the run and of the search for a learning
            rate. The samples are drawn from ``x`` by the seed; all of them train afterwards.

        Returns
        -------
        History
            The losses are weighted means, accuracies count every sample once. When NaN or infinity ends training early,
            ``stopped`` says so, a ``TrainingWarning`` too, and device and weights are those of the last good epoch.
            ``noticed`` says when the loss rises, or stands still at outputs that are the same for all samples, with a
            ``TrainingWarning`` at that time, and ``saturated`` when int8 weights or activations were driven to the ends
            of their range, with a ``TrainingWarning`` too.
            Ctrl-C ends training as well: the weights are those of the samples so far.

        Raises
        ------
        UserError
            Wrong shapes, labels or weights out of range, NaN or infinity in the data, an option out of range or one for
            which the plan has no memory, something that is no callback.
        """
        samples, held_out = self._samples(x, y, sample_weight), self._check_validation(validation_data)
        self._refuse_untaught(samples.labels, "y")
        if held_out is not None:
            self._refuse_untaught(held_out.labels, "validation y")
        if held_out is None and validation_split:
            samples, held_out = split(samples, validation_split)
        if class_weight is not None:
            if samples.weights is not None:
                raise UserError(
                    "give sample_weight or class_weight, not both: sample_weight times the weight of each sample's "
                    "class is what does both"
                )
            weights = class_weights(class_weight, samples.labels, self._objective)
            samples = replace(samples, weights=weights)
        _check_count("epochs", epochs)
        decider = self._recipe(recipe, samples, epochs)
        if self._from_cut:  # the samples are activations
            replay = Replay.NONE.word if replay is None and decider is None else replay
            align = Align.NONE.word if align is None and decider is None else align
        options = {"schedule": schedule, "schedule_threshold": schedule_threshold}
        options |= {"replay": replay, "freeze_epoch": freeze_epoch}
        options |= {"align": align, "align_samples": align_samples, "align_margin": align_margin}
        try:
            if decider is None:
                sampling = Sampling.chosen(self.model.plan, self._objective, samples.labels, epochs, **options)
            else:
                sampling, learning_rate = decider.sampling(options), decider.learning_rate(learning_rate)
        except PlanOptionError as error:
            raise self._with_command(error, error.changes) from None
        if self._from_cut and sampling.freeze is not None:
            raise UserError("replay latent (--replay) trains the whole model first: leave from_cut=True out")
        if self._from_cut and sampling.alignment is not None:
            raise UserError(_ALIGNS_WHOLE)
        seed = int(self.model.plan.defaults["seed"]) if seed is None else _check_seed(seed)
        before = self.device.options()
        search = isinstance(learning_rate, str) and learning_rate == "auto"
        changes: dict[str, Any] = {} if learning_rate is None or search else {"learning_rate": learning_rate}
        if decider is not None:
            changes |= decider.options()
        if batch_size is not None:
            _check_count("batch_size", batch_size)
            changes["accumulate"] = int(batch_size)
        updates = -(-len(samples) // int(changes.get("accumulate", before["accumulate"])))
        called = Callbacks(callbacks, self, {"epochs": epochs, "steps": updates, "verbose": verbose})
        if changes:
            self._set_options(changes)
        self._warn(samples)
        history, ends = History(), self.saturated_fraction
        self.stop_training = False
        try:
            if sampling.alignment is not None:
                measured, held_back = sampling.alignment.parts(self._fed(samples), seed)
                history.add_alignment(self._align(measured, held_back, sampling.alignment.margin))
            if search:
                changes["learning_rate"] = self._find_rate(samples, epochs, seed, verbose, history)
                self._set_options({"learning_rate": changes["learning_rate"]})
            history.learning_rate = float(self.device.options()["learning_rate"])
            history.recipe = [] if decider is None else decider.decisions(history.learning_rate)
            history.clipped = 0 if self.device.options()["clip"] > 0 else None
            self._train(samples, held_out, epochs, seed if shuffle else None, verbose, history, called, sampling)
        finally:
            self._seen = max(self._seen, float(np.abs(samples.x).max()))
            if changes:
                self.device.set_options(**{name: before[name] for name in changes})
        if self.model.plan.update.has_object:
            some = probes(samples)
            outputs = self.device.predict(self._fed(some).x)
            history.saturated = saturation(ends, self.saturated_fraction, some.labels, outputs)
        for sentence in (history.stopped, history.saturated):
            if sentence is not None:
                warnings.warn(sentence, TrainingWarning, stacklevel=2)
        return history

    def _recipe(self, given: str | None, samples: Samples, epochs: int) -> RunRecipe | None:
        """Who decides about a run; None where no recipe is chosen."""
        plan = self.model.plan
        word = plan.run_options["recipe"] if given is None else checked({"recipe": given})["recipe"]
        if word == Recipe.NONE.word:
            return None
        return RunRecipe(plan, self.device, self._objective, samples.labels, epochs, self._from_cut, self._given)

    def _train(
        self,
        samples: Samples,
        held_out: Samples | None,
        epochs: int,
        seed: int | None,
        verbose: str | int,
        history: History,
        callbacks: Callbacks,
        sampling: Sampling,
    ) -> None:
        try:
            with TrainingProgress(verbose, epochs, len(samples)) as progress:
                callbacks.call("on_train_begin", {})
                largest = float(np.abs(samples.x).max())
                fed = self._fed(samples)
                watch = RunWatch(fed, self.device.predict, self._objective.vectors, advice(largest))
                run = TrainingRun(
                    self.device, self._metrics, history, progress, callbacks, lambda: self.stop_training, largest, watch
                )
                run.train(fed, None if held_out is None else self._fed(held_out), epochs, seed, sampling)
        except KeyboardInterrupt:
            history.interrupted = True
            history.stopped = (
                f"interrupted in epoch {history.completed + 1} of {epochs}, after {history.steps:,} samples: their "
                "updates are kept"
            )
        callbacks.call("on_train_end", history.latest)

    def _find_rate(self, samples: Samples, epochs: int, seed: int, verbose: str | int, history: History) -> float:
        with TrainingProgress(verbose if verbose != 2 else 0, 1, len(samples), "learning rate") as progress:
            return RateSearch(self.device, self._fed(samples), epochs, seed, history).run(progress.describe)

    def _metrics(self, loss: float, correct: int, labels: np.ndarray) -> dict[str, float]:
        accuracy = self._objective.accuracy(correct, labels)
        return {"loss": loss} if accuracy is None else {"loss": loss, "accuracy": accuracy}

    def align(self, x: Any, held_out: Any, margin: float | None = None) -> AlignmentOutcome:
        """Bring mean and deviation of activations back to those of conversion, where that pays: against shifts of a
        sensor, by forward passes alone. By a plan of ``align="guarded"``; ``fit`` does it with its own samples.

        Where it is accepted, activations that are kept (``remember``) are forgotten; what update rules keep of earlier
        steps stays as it is.

        Parameters
        ----------
        x : array_like or tf.data.Dataset
            Samples to measure with, 64 or so; labels are not needed.
        held_out : tuple of array_like or tf.data.Dataset
            Other samples ``(x, y)`` to judge by.
        margin : float, optional
            Accepted where accuracy on them rises by more; else no weight changes. Default: the plan's.

        Raises
        ------
        UserError
            As for ``fit``; a plan without statistics, labels without accuracy, a margin out of range.
        """
        if self._from_cut:
            raise UserError(_ALIGNS_WHOLE)
        judged = self._check_validation(held_out)
        if judged is None:
            raise UserError("held_out is missing: give samples (x, y) by which the alignment is judged")
        options = {**self.model.plan.run_options, **({} if margin is None else checked({"align_margin": margin}))}
        try:
            check_align(self.model.plan, self._objective, judged.labels)
        except PlanOptionError as error:
            raise self._with_command(error, error.changes) from None
        array = as_arrays(x, None, self._input_shape)[0]
        samples = check_inputs(array, self._input_shape, limit=self._input_limit)
        fed = self._as_fed(samples, self._input.is_raw(array))
        return self._align(fed, self._fed(judged), float(options["align_margin"]))

    def _align(self, x: np.ndarray, held_back: Samples, margin: float) -> AlignmentOutcome:
        outcome = align(self.device, self.model, x, held_back, self._objective, margin)
        if outcome.accepted and self.model.plan.replay_options:
            self.device.forget()
        return outcome

    def remember(self, x: Any, y: Any, sample_weight: Any = None) -> int:
        """Keep the activations of samples at the plan's cut, as they are now, to train on them again (``replay``).
        Nothing trains. Where there are more than the plan has slots, a fair choice of each class stays.

        Returns
        -------
        int
            How many of the samples were kept; later ones may have taken the place of earlier ones.

        Raises
        ------
        UserError
            As for ``fit``; a plan without latent replay.
        """
        samples = self._samples(x, y, sample_weight)
        self._need_replay(samples.labels)
        self._refuse_untaught(samples.labels, "y")
        fed = self._fed(samples)
        return int((self.device.remember(fed.x, fed.labels, fed.weights) != NO_SLOT).sum())

    @property
    def untaught(self) -> tuple[int, ...]:
        """Classes that the model has outputs for and that are silent so far (``TrainingConfig(spare_classes=N)``):
        their probability is 0 on every input."""
        plan = self.model.plan
        return untaught_classes(plan, dict(self.device.parameters())[bias_tensor(plan)]) if spare_range(plan) else ()

    def teach(self, x: Any, y: Any) -> dict[int, int]:
        """Set the weights of new classes by their first samples, without a backward pass: the mean of what the last
        layer reads, each normalised, with the length of the other classes' weights (weight imprinting). Then they train
        as others do: ``fit``, best beside samples of the classes that the model knows, or with ``replay`` of those.

        More samples of a class may come in later calls, as long as nothing has trained it.

        Parameters
        ----------
        x : array_like
            Samples of new classes, shape (n, *input_shape).
        y : array_like
            Their class numbers, shape (n,).

        Returns
        -------
        dict
            Class number -> samples.

        Raises
        ------
        UserError
            A class that the model knows, or that has been trained since it was taught; a plan without spare classes; a
            sample for which all that the last layer reads is zero; as for ``fit``. All is as it was before the call.
        """
        try:
            check_spare(self.model.plan)
        except PlanOptionError as error:
            raise self._with_command(error, error.changes) from None
        samples = self._samples(x, y)
        check_teachable(self.model.plan, samples.labels, self.untaught)
        fed, before = self._fed(samples), self.device.state()
        try:
            self.device.teach(fed.x, fed.labels)
        except DeviceError as error:
            self.device.set_state(before)
            raise self._not_taught(error, samples) from None
        return counts(samples.labels)

    def _not_taught(self, error: DeviceError, samples: Samples) -> UserError:
        if isinstance(error, NonFiniteError):
            return error
        listed = ", ".join(map(str, counts(samples.labels)))
        if isinstance(error, ClassTrainedError):
            return UserError(
                f"one of the classes {listed} has been trained since it was taught, or came taught with the file: "
                f"train its samples with fit (untaught: {', '.join(map(str, self.untaught)) or 'none'})"
            )
        return UserError(f"a sample of the classes {listed} cannot be taught: {error}")

    def check_taught(self, y: Any) -> None:
        """Raises ``UserError`` where labels are of classes that have not been taught, with which nothing trains."""
        if spare_range(self.model.plan):
            self._refuse_untaught(self._objective.check(y, len(y)), "y")

    def _refuse_untaught(self, labels: np.ndarray, name: str) -> None:
        if spare_range(self.model.plan):
            refuse_untaught(labels, self.untaught, self._objective.outputs, name)

    def replay(self, samples: int) -> dict[str, float]:
        """Train the layers behind the plan's cut on some of the kept activations, chosen by chance.

        Between steps on new samples this guards against forgetting old ones.

        Returns
        -------
        dict
            Mean ``loss`` before each update, and ``accuracy``.

        Raises
        ------
        UserError
            Nothing is kept; a plan without latent replay; NaN or infinity: all is as it was before the call.
        """
        _check_count("samples", samples)
        self._need_replay()
        slots, before = self.device.draw(samples), self.device.state()
        if not len(slots):
            raise UserError("there is nothing to replay: nothing has been kept; call remember first")
        log = self.device.replay(slots)
        self.device.flush()
        if log.non_finite or not all(np.isfinite(values).all() for values in self._parameters()):
            self.device.set_state(before)
            raise NonFiniteError(
                "replay: an output, loss or weight became NaN or infinite; the weights from before are restored; try a "
                "smaller learning rate"
            )
        return self._metrics(float(log.losses.mean(dtype=np.float64)), int(log.correct.sum()), np.zeros(log.done, int))

    def _need_replay(self, labels: np.ndarray | None = None) -> None:
        if self._from_cut:
            raise UserError("replay latent (--replay) keeps activations of the whole model: leave from_cut=True out")
        try:
            check_replay(self.model.plan, labels)
        except PlanOptionError as error:
            raise self._with_command(error, error.changes) from None

    def evaluate(self, x: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """Mean ``loss`` (each sample's times its weight) and, where labels are classes, ``accuracy`` (0 to 1), without
        training.

        Raises
        ------
        UserError
            As for ``fit``.
        """
        samples = self._samples(x, y, sample_weight)
        self._warn(samples)
        fed = self._without_untaught(self._fed(samples))
        loss, correct = self.device.evaluate(fed.x, fed.labels, fed.weights)
        return self._metrics(loss, correct, samples.labels)

    def _without_untaught(self, samples: Samples) -> Samples:
        """Those whose loss means something: the output of others is silent."""
        untaught = self.untaught
        if not untaught:
            return samples
        out = of_classes(samples.labels, untaught, self._objective.outputs)
        if out.all():
            raise refuse_all_untaught()
        if not out.any():
            return samples
        warnings.warn(untaught_sentence(int(out.sum()), len(samples)), DataWarning, stacklevel=3)
        return samples[np.flatnonzero(~out)]

    def mean_gradients(self, x: Any, y: Any) -> list[np.ndarray]:
        """Mean gradients of the samples at the weights as they are, one array for each of ``device.parameters``, flat;
        of int8 weights those of the numbers that they stand for. No weight changes. On the native device only.

        Parameters
        ----------
        x, y : array_like
            As for ``fit``; fewer than the option ``accumulate``, which is more than 1.

        Raises
        ------
        UserError
            Another device, more samples, or as for ``fit``.
        """
        samples = self._fed(self._samples(x, y))
        self._refuse_untaught(samples.labels, "y")
        if not isinstance(self.device, NativeDevice) or len(samples) >= self.device.options()["accumulate"]:
            raise UserError("gradients are those of a native device whose option accumulate is more than the samples")
        state = self.device.state()
        self.device.train(samples.x, samples.labels, np.arange(len(samples), dtype=np.uint32))
        gradients = self.device.gradients()
        self.device.set_state(state)
        return [gradient / np.float32(len(samples)) for gradient in gradients]

    def predict(self, x: Any) -> np.ndarray:
        """Outputs, float32 of shape (n, *output_shape).

        Raises
        ------
        UserError
            Wrong shape, NaN or infinity.
        """
        array = as_arrays(x, None, self._input_shape)[0]
        samples = check_inputs(array, self._input_shape, limit=self._input_limit)
        fed = self._as_fed(samples, self._input.is_raw(array))
        return self.device.predict(fed).reshape(len(samples), *self._output_shape)

    def metric(self, y: Any) -> str:
        """What ``accuracy`` means for these labels: ``accuracy`` of samples (or of rows of the output),
        ``binary-accuracy`` of its elements, or the loss's name when the task is a regression, which has none."""
        return self._objective.metric_name(self._objective.check(y, len(y)))

    @property
    def optimizer(self) -> Optimizer:
        """The learning rate under Keras' name, for callbacks that change it."""
        return Optimizer(self)

    @property
    def options(self) -> dict[str, Any]:
        """Training options in force, by the names of ``TrainingConfig``."""
        return self.device.options()

    def set_options(self, **changes: Any) -> None:
        """Change training options, any of those in ``options``.

        Raises
        ------
        UserError
            An unknown option, a value of another type or out of range, one that has no effect with the policies in
            force, or one for which the plan reserved no memory. All options stay as they were.
        """
        self._set_options(changes)
        self._given |= set(changes)

    def _set_options(self, changes: dict[str, Any]) -> None:
        current = self.device.options()
        for name in changes:
            if name not in current:
                raise UserError(f"there is no option {name!r} to change; there are {', '.join(current)}")
        checked({**current, **changes})
        kept = checked(changes)
        refuse_idle(kept, {"optimizer": self.model.plan.optimizer.word, **current, **kept})
        try:
            self.device.set_options(**kept)
        except PlanOptionError as error:
            raise self._with_command(error, kept) from None

    def _with_command(self, error: PlanOptionError, changes: dict[str, Any]) -> PlanOptionError:
        return PlanOptionError(f"{error}: `{self.model.convert_again(**changes)}`", **changes)

    @cached_property
    def _layers(self) -> LayerWeights:
        return LayerWeights(self.model)

    def _parameters(self) -> list[np.ndarray]:
        return [values for _, values in self.device.parameters()]

    def layer_weights(self) -> dict[str, list[np.ndarray]]:
        """The weights that train, by the names of their layers: copies of kernel and bias in Keras' shapes (dense
        (inputs, outputs), convolution (height, width, inputs, outputs), transposed convolution (height, width, outputs,
        inputs), depthwise (height, width, inputs, multiplier)).
        """
        return self._layers.read(self._parameters())

    def get_weights(self) -> list[np.ndarray]:
        """The arrays of ``layer_weights`` one after the other, as a Keras model gives its own."""
        return [array for arrays in self.layer_weights().values() for array in arrays]

    def set_weights(self, weights: Any) -> None:
        """Overwrite weights that train; what training keeps besides (waiting gradients, selectors) stays as it is.

        Parameters
        ----------
        weights : list of array_like or dict
            What ``get_weights`` returns; or what ``layer_weights`` returns, of all layers or some.

        Raises
        ------
        UserError
            Another number of arrays or another shape, an unknown layer, NaN or infinity: no weight has changed.
        """
        self.device.set_parameters(self._layers.write(weights, self._parameters()))

    def to_keras(self, model: Any) -> None:
        """Put the trained weights into the Keras model that was converted, so that it predicts what the device does.
        Batch normalisation that was folded into a layer gets its part back.

        Parameters
        ----------
        model : keras.Model
            Its other weights stay as they are.

        Raises
        ------
        UserError
            The model is another one, or the weights of a layer have no place in it; it is as it was.
        """
        predict = self.predict if not self._from_cut else Trainer(self.trained_model()).predict
        write_to_keras(self._layers, self._parameters(), model, predict, self.model.input_limit)

    def trained_model(self, remainders: bool = False) -> TrainableModel:
        """The model with the weights as they are now; it can be trained again.

        Parameters
        ----------
        remainders : bool
            Keep what int8 weights are beyond their integers (update int16-master), one byte each in a metadata entry:
            training goes on exactly where it stopped. Without them it goes on from the integers.

        Raises
        ------
        UserError
            Remainders are asked for, and the plan has none.
        """
        if remainders:
            self.check_remainders()
        data = without_remainders(model_writer.write_parameters(self.model.data, self.device.parameters()))
        plan = decode(model_writer.read_plan(data) or b"")
        if remainders:
            data = add_remainders(data, plan, self._persistent_state())
        return TrainableModel(data, self.model.name, plan, self.model.edits)

    def check_remainders(self) -> None:
        """Raises ``UserError`` where no file can keep remainders, as the plan has none."""
        plan = self.model.plan
        if has_remainders(plan):
            return
        reason = "the weights that train are float32: leave it out"
        if plan.update.has_object:
            again = self.model.convert_again(update=OPTIONS["update"].default)
            reason = f"update {plan.update.word} keeps none; `{again}` makes a plan that does"
        raise UserError(f"remainders=True (--remainders) has no effect: {reason}")

    def _persistent_state(self) -> bytes:
        """The part of the arena that training changes."""
        return self.device.state()[-int(self.model.plan.defaults["constants_offset"]) :]

    def _take_remainders(self) -> None:
        if self._remainders is not None:
            state, own = self.device.state(), int(self.model.plan.defaults["constants_offset"])
            self.device.set_state(state[:-own] + with_remainders(state[-own:], self.model.plan, self._remainders))

    def save(self, path: str | os.PathLike[str], remainders: bool = False) -> None:
        """Write the trained ``.tflite``, whole or not at all. It runs in every runtime and can be trained again.

        Parameters
        ----------
        remainders : bool
            See ``trained_model``.

        Raises
        ------
        UserError
            The path cannot be written; as ``trained_model``.
        """
        self.trained_model(remainders).save(path)

    def reset(self) -> None:
        """Go back to the file's weights and empty state; options stay as they are."""
        self.device.reset()
        self._take_remainders()

    def close(self) -> None:
        """Release the device."""
        self.device.close()

    def __enter__(self) -> "Trainer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def step_cost(self, x: Any, y: Any, shuffle: bool = True, seed: int | None = None) -> "StepCost":
        """Instructions, modelled cycles, RAM and flash of a training step, on an emulated device.

        A second board trains on the first samples of ``fit``'s first epoch, from the model's own weights and with the
        options in force: on all of them, or on as many as some seconds of emulation allow. Unlike the board of
        ``fit``, whose ``History.instructions`` hold the counting of multiplications too, it does nothing but train.

        Parameters
        ----------
        x, y, shuffle, seed
            As for ``fit``.

        Raises
        ------
        DeviceError
            The device is not emulated.
        MissingToolError
            A tool is not installed.
        UserError
            As for ``fit``.
        """
        from .devices.qemu import QemuDevice
        from .measure.step_cost import measure_steps

        if not isinstance(self.device, QemuDevice):
            raise DeviceError(f"device {self.device.name} cannot be measured; choose an emulated one, such as qemu:m4")
        fed = self._fed(self._samples(x, y))
        seed = int(self.model.plan.defaults["seed"]) if seed is None else _check_seed(seed)
        order = sample_order(len(fed), order_generator(seed if shuffle else None))
        return measure_steps(
            self.device.board,
            self.device.build,
            self.model,
            fed.x[order],
            fed.labels[order],
            self.device.options(),
            from_cut=self._from_cut,
        )

    @property
    def trainable_parameters(self) -> int:
        """Number of weights and biases that train."""
        return self._elements

    def _fed(self, samples: Samples) -> Samples:
        """What the device is given: the samples, or their activations at the cut."""
        return replace(samples, x=self._as_fed(samples.x, samples.raw))

    @property
    def saturated_fraction(self) -> float:
        """Part of the int8 weights that train which lie at an end of their range, -127 or 127; 0 without such."""
        if not self.model.plan.update.has_object:
            return 0.0
        integers = [values for _, values in self.device.parameters() if values.dtype == np.int8]
        count = sum(values.size for values in integers)
        return sum(int((np.abs(values.astype(np.int16)) >= 127).sum()) for values in integers) / max(count, 1)

    def _as_fed(self, x: np.ndarray, raw: bool) -> np.ndarray:
        if self._body is not None:
            return self._body(x, raw)
        return self._input.numbers(x) if raw else x

    def _warn(self, samples: Samples) -> None:
        """``DataWarning`` for data that are probably not what was meant, told from the file's weights."""
        sentences = [self._objective.label_warning(samples.labels)]
        largest = float(np.abs(samples.x).max())
        # in numbers whose range is the model's own business
        told = samples.raw or self._from_cut or self._input_limit > 0
        if not told and largest > self._seen and needs_look(largest):
            body = self._body
            probe = NativeDevice(self.model, from_cut=body is not None)
            infer = probe.predict if body is None else lambda values: probe.predict(body(values))
            program = self.model.plan.programs[0]
            read = program["loss_input"] == program["output"]  # not the logits of an int8 softmax or sigmoid
            objective = self._objective if read else self._objective.with_end
            sentences.append(range_warning(infer, samples.x, samples.labels, objective))
            probe.close()
        for sentence in sentences:
            if sentence is not None:
                warnings.warn(sentence, DataWarning, stacklevel=3)

    def _check(self, x: Any, y: Any, names: tuple[str, str] = ("x", "y")) -> tuple[np.ndarray, np.ndarray]:
        samples = check_inputs(x, self._input_shape, names[0], self._input_limit)
        try:
            return samples, self._objective.check(y, len(samples), names[1])
        except PlanOptionError as error:
            raise self._with_command(error, error.changes) from None

    def _samples(
        self, x: Any, y: Any, sample_weight: Any = None, names: tuple[str, str, str] = ("x", "y", "sample_weight")
    ) -> Samples:
        x, y, weights = as_arrays(x, y, self._input_shape, names[0])
        if y is None:
            raise UserError(f"{names[1]} is missing: give labels, or a dataset of (x, y)")
        if weights is not None and sample_weight is not None:
            raise UserError(f"{names[0]} is a dataset that brings weights of its samples: leave {names[2]} out")
        inputs, labels = self._check(x, y, names[:2])
        weights = sample_weight if weights is None else weights
        counted = None if weights is None else check_sample_weight(weights, len(inputs), names[2])
        return Samples(inputs, labels, counted, self._input.is_raw(x))

    def _check_validation(self, data: Any) -> Samples | None:
        if data is None:
            return None
        names = ("validation x", "validation y", "validation sample_weight")
        if is_dataset(data):
            return self._samples(data, None, None, names)
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise UserError("validation_data must be a pair (x, y), (x, y, sample_weight), or a dataset of such")
        return self._samples(data[0], data[1], data[2] if len(data) == 3 else None, names)


_ALIGNS_WHOLE = "align guarded (--align) runs the whole model: leave from_cut=True out"


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise UserError(f"{name}={value!r} is out of range: a whole number above 0")


def _check_seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise UserError(f"seed={seed!r} is out of range: a whole number, not negative")
    return int(seed)
