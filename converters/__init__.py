"""From a model to an augmented ``.tflite``: one module per stage."""
