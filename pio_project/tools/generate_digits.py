#!/usr/bin/env python3
"""Writes src/digits/: models, their operators and images for the programs in this project.

    python pio_project/tools/generate_digits.py            converts the models in these files again
    python pio_project/tools/generate_digits.py --train    trains new ones with Keras first

Needs tflm-train with the extra ``demo``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tflm_train.converters import model_writer
from tflm_train.converters.operators_header import operators_header

import tflm_train as tt
from tflm_train.demo import digits
from tflm_train.sizes import native_arena_bytes

FOLDER = Path(__file__).resolve().parent.parent / "src" / "digits"
SEED = 0
TEST_SAMPLES = 200
LEVELS = 510  # a byte stands for byte / 510: shifted pixels lie in 0 to 0.5
MODELS = {"cnn": "kCnn", "mlp": "kMlp"}
CONFIG = tt.TrainingConfig(selector="tinyprop", learning_rate=0.02, seed=SEED)
NOTE = "// Written by tools/generate_digits.py: do not edit."


def array_text(values: np.ndarray | bytes) -> str:
    """Numbers for an initializer, lines of at most 120 characters."""
    lines, line = [], " "
    for value in np.frombuffer(bytes(values), np.uint8):
        word = f" {value},"
        if len(line) + len(word) > 120:
            lines.append(line)
            line = " "
        line += word
    return "\n".join([*lines, line])


def read_array(text: str) -> bytes:
    """The bytes of the first initializer in a source."""
    body = text[text.index("[] = {") + 6 : text.index("};")]
    return bytes(int(number) for number in re.findall(r"\d+", body))


def model_source(symbol: str, data: bytes) -> str:
    """C++ source of a model with its plan."""
    model = tt.model.load_model(data)
    return f"""{NOTE}
#include "digits.h"

namespace digits {{

namespace {{
alignas(16) const uint8_t kData[] = {{
{array_text(data)}
}};
}}  // namespace

const Model {symbol} = {{kData, sizeof kData, {native_arena_bytes(model.plan)}}};

}}  // namespace digits
"""


def images_source() -> str:
    """C++ source of the shifted digits."""
    data = digits.load_digits(SEED)

    def pixels(x: np.ndarray) -> np.ndarray:
        return np.rint(x * LEVELS).astype(np.uint8)

    def labels(y: np.ndarray) -> np.ndarray:
        return y.astype(np.uint8)

    arrays = {
        "kTrainingPixels": pixels(data.x),
        "kTrainingLabels": labels(data.y),
        "kTestPixels": pixels(data.x_test[:TEST_SAMPLES]),
        "kTestLabels": labels(data.y_test[:TEST_SAMPLES]),
    }
    definitions = "\n".join(
        f"const uint8_t {name}[] = {{\n{array_text(a.tobytes())}\n}};" for name, a in arrays.items()
    )
    return f"""{NOTE}
#include "digits.h"

namespace digits {{

namespace {{
{definitions}
}}  // namespace

const Set kTraining = {{kTrainingPixels, kTrainingLabels, sizeof kTrainingLabels}};
const Set kTest = {{kTestPixels, kTestLabels, sizeof kTestLabels}};

}}  // namespace digits
"""


def trained_models() -> dict[str, Any]:
    """Keras models that know clean digits."""
    import keras

    from tflm_train.demo import network

    data = digits.load_digits(SEED)
    keras.utils.set_random_seed(SEED)
    mlp = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(16, activation="relu", name="hidden"),
            keras.layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="mlp",
    )
    mlp.compile(optimizer=keras.optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy")
    mlp.fit(data.factory_x.reshape(-1, 64), data.factory_y, batch_size=32, epochs=60, verbose=0)
    return {"cnn": network.train_on_clean_digits(data.factory_x, data.factory_y, SEED), "mlp": mlp}


def sources(train: bool) -> dict[str, str]:
    """File name -> text, from new models or from those that the files hold."""
    files = {"digits_images.cpp": images_source()}
    models = trained_models() if train else {}
    for name, symbol in MODELS.items():
        file = f"digits_{name}.cpp"
        model = models.get(name) or model_writer.strip_plan(read_array((FOLDER / file).read_text(encoding="utf-8")))
        converted = tt.convert(model, CONFIG)
        files[file] = model_source(symbol, converted.data)
        files[f"{name}_operators.h"] = operators_header(converted.plan, f"the digits {name}")
    return files


def main() -> int:
    """Write the files. Returns the exit status."""
    for name, text in sources("--train" in sys.argv[1:]).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
