"""How the gradient of a trained convolution is formed, in words: ``filter:4``, ``exact,conv_5=centre-tap``."""

from __future__ import annotations

from typing import NamedTuple

from .policies import Gradient

LARGEST_FILTER = 64  # pixels along a side of a patch


class Form(NamedTuple):
    """One form of a gradient; ``size``: pixels along a side of a filter's patch, None where the text has none."""

    gradient: Gradient
    size: int | None = None

    @property
    def word(self) -> str:
        """As the text has it."""
        return self.gradient.word if self.size is None else f"{self.gradient.word}:{self.size}"


def parse_gradients(text: str) -> list[tuple[str | None, Form]]:
    """Layers and their forms, in the order of the text; None stands for all convolutions that train.

    Raises
    ------
    ValueError
        Another text.
    """
    found: list[tuple[str | None, Form]] = []
    for item in text.split(","):
        layer, named, word = item.strip().rpartition("=")
        if named and not layer:
            raise ValueError(text)
        found.append((layer if named else None, _form(word)))
    return found


def _form(word: str) -> Form:
    name, sized, size = word.partition(":")
    gradient = next((g for g in Gradient if g.word == name), None)
    if gradient is None or (sized and gradient is not Gradient.FILTER):
        raise ValueError(word)
    if not sized:
        return Form(gradient)
    if not (size.isascii() and size.isdigit() and len(size) < 4 and 1 <= int(size) <= LARGEST_FILTER):
        raise ValueError(word)
    return Form(gradient, int(size))


def is_gradients(text: str) -> bool:
    """Whether ``parse_gradients`` takes it."""
    try:
        return bool(parse_gradients(text))
    except ValueError:
        return False
