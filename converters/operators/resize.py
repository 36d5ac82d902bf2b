"""RESIZE_NEAREST_NEIGHBOR: what Keras' UpSampling layers become."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Graph, Operator, Tensor
from .constraints import COMMON, image_input, second_input_is_constant
from .int8_tables import moves
from .shapes import integers, require, shape_of
from .spec import KernelSpec, OperatorSpec, OptionField, Options, Shape, Word


def _words(graph: Graph, op: Operator) -> list[Word]:
    return [int(op.options["align_corners"]), int(op.options["half_pixel_centers"])]


def _shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape | None:
    x, size = shape_of(inputs, 0), integers(inputs, 1)
    require(len(x) == 4, "an input that has not four dimensions")
    if size is None:
        return None
    require(size.shape == (2,) and bool((size > 0).all()), "a size that is no height and width")
    return (x[0], int(size[0]), int(size[1]), x[3])


RESIZE_NEAREST_NEIGHBOR = OperatorSpec(
    name="RESIZE_NEAREST_NEIGHBOR",
    kernel=KernelSpec(
        name="RESIZE_NEAREST_NEIGHBOR",
        number=39,
        forward="x y!",
        backward="dy! dx!",
        words="align_corners half_pixel_centers",
        macs=None,
    ),
    options=Options(
        "ResizeNearestNeighborOptions", (OptionField("alignCorners", 0, 1), OptionField("halfPixelCenters", 1, 1))
    ),
    shape=_shape,
    words=_words,
    constraints=(*COMMON, image_input, second_input_is_constant),
    keeps_bounds=True,
    limits="",
    settings=1,
    int8=moves(
        KernelSpec(
            name="RESIZE_NEAREST_NEIGHBOR_INT8",
            number=73,
            forward="x y!",
            backward="dy! dx!",
            words="align_corners half_pixel_centers",
            macs=None,
        ),
        _words,
    ),
)
