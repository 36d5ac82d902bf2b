"""``recipe="auto"``: what it decides, that it says why, and that what a user gave stands."""

from __future__ import annotations

import int8_networks
import networks
import numpy as np
import pytest

import tflm_train as tt
from tflm_train.sizes import native_arena_bytes

EPOCHS = 8


def converted(data: bytes, **options) -> tt.TrainableModel:
    return tt.convert(data, tt.TrainingConfig(recipe="auto", **options))


def chosen(model: tt.TrainableModel) -> dict[str, object]:
    return {"selector": model.plan.options["selector"], **model.plan.run_options, **model.plan.replay_options}


def decisions(history: tt.History) -> dict[str, object]:
    assert all(set(d) == {"option", "value", "reason"} and d["reason"] for d in history.recipe)
    return {d["option"]: d["value"] for d in history.recipe}


def test_the_plan_has_what_the_recipe_names():
    model = converted(networks.mlp())
    assert chosen(model) | {"selector": "tinyprop", "schedule": "remembered-loss", "replay": "latent"} == chosen(model)
    assert model.plan.run_options["recipe"] == "auto" and not model.plan.options["output_sparse"]
    by_hand = dict(selector="tinyprop", clip=1.0, schedule="remembered-loss", replay="latent")
    plain = tt.convert(networks.mlp(), tt.TrainingConfig(**by_hand))
    assert plain.plan.run_options["recipe"] == "none" and plain.sizes == model.sizes
    assert [note.split(":")[1].strip() for note in model.notes if note.startswith("recipe")] == [
        "selector tinyprop",
        "clip 1.0",
        "schedule remembered-loss",
        "align none",
        "replay latent",
    ]


def test_a_run_decides_the_same_as_its_options_by_hand(blobs):
    """Weights and history equal those of a run to which all that was decided is given."""
    x, y = blobs
    model = converted(networks.mlp(), slots=len(x))
    with tt.Trainer(model) as auto, tt.Trainer(model) as given:
        found = auto.fit(x, y, epochs=EPOCHS, verbose=0)
        assert decisions(found) == {
            "selector": "tinyprop",
            "clip": 1.0,
            "schedule": "remembered-loss",
            "replay": "latent",
            "align": "none",
            "learning_rate": found.learning_rate,
        }
        expected = given.fit(x, y, epochs=EPOCHS, learning_rate=found.learning_rate, recipe="none", verbose=0)
        assert found.history == expected.history and expected.recipe == []
        assert all(np.array_equal(a, b) for a, b in zip(auto.get_weights(), given.get_weights()))
        assert auto.options == given.options


def test_runs_are_aligned_where_statistics_are_given(blobs):
    """Inputs on another scale, and the recipe's run begins with what ``align`` does."""
    x, y = blobs
    model = tt.convert(networks.mlp(), tt.TrainingConfig(recipe="auto", slots=300), statistics=x)
    assert model.plan.aligned and any(note.startswith("recipe: align guarded: ") for note in model.notes)
    with tt.Trainer(model) as trainer:
        trainer.fit(x, y, epochs=4, learning_rate=0.02, recipe="none", replay="none", align="none", verbose=0)
        known = trainer.evaluate(x, y)["accuracy"]
        found = trainer.fit(3 * x + 1, y, epochs=2, verbose=0)
        assert decisions(found)["align"] == "guarded" and found.alignment is not None
        assert known > 0.9
        few = trainer.fit(x[:100], y[:100], epochs=2, verbose=0)
        assert decisions(few)["align"] == "none" and few.alignment is None
    ready = tt.convert(int8_networks.cnn(), tt.TrainingConfig(recipe="auto"), statistics=np.zeros((70, 1)))
    assert not ready.plan.aligned and any("recipe: align none: " in note for note in ready.notes)


def test_what_is_given_stands(blobs):
    x, y = blobs
    model = converted(networks.mlp(), selector="dense", clip=0.5, schedule="none", slots=len(x))
    assert chosen(model) | {"selector": "dense", "schedule": "none", "replay": "latent"} == chosen(model)
    with tt.Trainer(model) as trainer:
        found = trainer.fit(x, y, epochs=4, learning_rate=0.05, replay="none", verbose=0)
        assert decisions(found) == {
            "selector": "dense",
            "clip": 0.5,
            "schedule": "none",
            "replay": "none",
            "align": "none",
            "learning_rate": pytest.approx(0.05),
        }
        assert not found.replayed and not found.tried


def test_options_that_were_set_stand(blobs):
    with tt.Trainer(tt.convert(networks.mlp(), tt.TrainingConfig(selector="tinyprop"))) as trainer:
        trainer.set_options(learning_rate=0.05, selector="dense")
        found = trainer.fit(*blobs, epochs=2, recipe="auto", verbose=0)
        assert decisions(found)["selector"] == "dense" and found.learning_rate == pytest.approx(0.05)
        assert not found.tried


def test_a_recipe_for_a_plan_without_one(blobs):
    """The plan's memory bounds what it can choose; options are afterwards as before."""
    x, y = blobs
    with tt.Trainer(tt.convert(networks.mlp())) as trainer:
        before = trainer.options
        found = trainer.fit(x, y, epochs=4, recipe="auto", verbose=0)
        assert decisions(found)["replay"] == "none" and decisions(found)["schedule"] == "remembered-loss"
        assert trainer.options == before
        assert trainer.fit(x, y, verbose=0).recipe == []


@pytest.mark.parametrize(
    ("data", "options", "left_out", "reason"),
    [
        (lambda: int8_networks.cnn(), {}, {"replay": "none"}, "float32 tensor"),
        (networks.mlp, {"loss": "mse"}, {"replay": "none", "schedule": "none"}, "loss mse"),
        (networks.mlp, {"ram": 11000}, {"replay": "none"}, "leave room for"),
    ],
    ids=["int8", "mse", "little RAM"],
)
def test_what_cannot_work_is_left_out_with_its_reason(data, options, left_out, reason):
    model = converted(data(), **options)
    assert chosen(model) | left_out == chosen(model)
    said = [note for note in model.notes if any(note.startswith(f"recipe: {name} none: ") for name in left_out)]
    assert len(said) == len(left_out) and any(reason in sentence for sentence in said), model.notes


def ram(model: tt.TrainableModel) -> int:
    sizes = model.sizes
    return native_arena_bytes(model.plan) + sizes.trainer_bytes + sizes.replay_bytes + sizes.align_bytes


def test_no_choice_takes_more_ram_than_there_is(blobs):
    """Selection and alignment need memory too: at every limit the plan keeps it, or the model is refused."""
    limits = range(10_296, 10_680, 8)
    chosen_selectors, aligned = set(), set()
    for limit in limits:
        try:
            model = tt.convert(networks.mlp(), tt.TrainingConfig(recipe="auto", ram=limit), statistics=blobs[0][:70])
        except tt.UserError as error:
            assert "of --ram; train fewer layers" in str(error)
            continue
        assert ram(model) <= limit
        chosen_selectors.add(model.plan.options["selector"])
        aligned.add(bool(model.plan.aligned))
    assert chosen_selectors == {"dense", "tinyprop"} and aligned == {False, True}
    with pytest.raises(tt.UserError, match="of --ram; train fewer layers"):  # what is given is not left out
        converted(networks.mlp(), selector="static-topk", replay="none", ram=10_320)


def test_many_slots_are_no_reason_against_replay():
    """65,535 activations of this network are more than a plan can count; the RAM has room for some."""
    model = converted(networks.residual(size=128), ram="24MB")
    assert 32 <= model.plan.replay_options["slots"] < 65535 and ram(model) <= 24 * 2**20


def test_no_limit_is_no_limit():
    for none in (0, "0", "0KB"):
        assert converted(networks.mlp(), ram=none).plan.replay_options["slots"] == 256


@pytest.mark.parametrize("call", ["begin_schedule", "set_options"])
def test_what_a_device_has_not_is_left_out(call, blobs, monkeypatch):
    def refuse(*values, **options):
        if call == "begin_schedule" or options.get("selector") == "tinyprop":
            raise tt.DeviceError("not on this board")
        return kept(*values, **options)

    with tt.Trainer(tt.convert(networks.mlp())) as trainer:
        kept = getattr(trainer.device, call)
        monkeypatch.setattr(trainer.device, call, refuse)
        found = decisions(trainer.fit(*blobs, epochs=2, learning_rate=0.01, recipe="auto", verbose=0))
        assert found["schedule" if call == "begin_schedule" else "selector"] in ("none", "dense")


def test_ram_is_kept_to_the_byte():
    for ram in (40_000, 64 * 1024, 100_000):
        model = converted(networks.mlp(), ram=ram)
        needed = native_arena_bytes(model.plan) + model.sizes.trainer_bytes + model.sizes.replay_bytes
        assert 0 <= ram - needed < 64 + 12  # of a slot: 64 bytes, scale, class and weight
    assert (
        converted(networks.mlp(), ram="64KB").plan.replay_options
        == converted(networks.mlp(), ram=65536).plan.replay_options
    )
    assert converted(networks.mlp(), ram="1MB", slots=40).plan.replay_options["slots"] == 40
    with pytest.raises(tt.UserError, match=r"more than the 4,096 of --ram; train fewer layers"):
        converted(networks.mlp(), ram=4096)
    with pytest.raises(tt.UserError, match="ram.*--recipe auto"):
        tt.TrainingConfig(ram=65536)
    for wrong in ("64 KB", "much", -1, 1.5):
        with pytest.raises(tt.UserError, match="ram="):
            tt.TrainingConfig(recipe="auto", ram=wrong)


@pytest.mark.parametrize(
    ("epochs", "samples", "slots", "left_out"),
    [(1, 60, 60, {"schedule": "none", "replay": "none"}), (4, 60, 29, {"replay": "none"}), (4, 60, 30, {})],
)
def test_the_samples_of_a_run_decide_too(epochs, samples, slots, left_out, blobs):
    x, y = blobs[0][:samples], blobs[1][:samples]
    with tt.Trainer(converted(networks.mlp(), slots=slots)) as trainer:
        found = decisions(trainer.fit(x, y, epochs=epochs, learning_rate=0.01, verbose=0))
    assert found | {"schedule": "remembered-loss", "replay": "latent", **left_out} == found


def test_too_few_samples_are_trained_at_the_plans_rate(blobs):
    with tt.Trainer(converted(networks.mlp(), learning_rate=0.02)) as trainer:
        found = trainer.fit(blobs[0][:6], blobs[1][:6], epochs=2, verbose=0)
    assert decisions(found)["learning_rate"] == pytest.approx(0.02) and not found.tried


def test_vectors_train_without_schedule_and_replay():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 64)).astype(np.float32), rng.normal(size=(40, 10)).astype(np.float32)
    model = converted(networks.mlp(), loss="mse")
    assert model.plan.options["clip"] == 0 and any(note.startswith("recipe: clip 0.0: ") for note in model.notes)
    with tt.Trainer(model) as trainer:
        found = decisions(trainer.fit(x, y, epochs=2, verbose=0))
    assert (found["schedule"], found["replay"]) == ("none", "none")


def test_command_line(run, tmp_path, blobs):
    x, y = blobs
    (tmp_path / "m.tflite").write_bytes(networks.mlp())
    np.savez(tmp_path / "d.npz", x=x, y=y)
    convert = f"convert {tmp_path}/m.tflite -o {tmp_path}/t.tflite --recipe auto --ram 64KB --json"
    assert any("activations of" in note for note in run(*convert.split()).json["notes"])
    trained = run(*f"train {tmp_path}/t.tflite --data {tmp_path}/d.npz --epochs 8 --json".split()).json
    found = {d["option"]: d["value"] for d in trained["recipe"]}
    assert found["replay"] == trained["replay"] == "latent" and found["schedule"] == trained["schedule"]
    assert trained["learning_rate"] == found["learning_rate"] and trained["effort_ratio"] > 3
    assert trained["effort_ratio"] > trained["effort_ratio_zero_skip"] > 1
    plain = run(*f"train {tmp_path}/t.tflite --data {tmp_path}/d.npz --recipe none --json".split()).json
    assert plain["recipe"] is None
