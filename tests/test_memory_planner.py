"""Offsets never overlap in time and space, and stay near the lower bound."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tflm_train.converters.memory_planner import Buffer, aligned, lower_bound, plan_offsets

buffers = st.lists(
    st.builds(
        lambda size, first, life: Buffer(size, first, first + life),
        st.integers(1, 5000),
        st.integers(0, 30),
        st.integers(0, 12),
    ),
    max_size=25,
)


@given(buffers)
@settings(max_examples=200, deadline=None)
def test_living_buffers_never_overlap(items):
    offsets, total = plan_offsets(items)
    for i, a in enumerate(items):
        assert offsets[i] % 16 == 0
        assert offsets[i] + a.size <= total
        for j in range(i):
            b = items[j]
            if a.first <= b.last and b.first <= a.last:
                assert offsets[i] + aligned(a.size) <= offsets[j] or offsets[j] + aligned(b.size) <= offsets[i]
    assert total >= lower_bound(items)


def test_a_chain_of_layers_needs_two_neighbours_only():
    chain = [Buffer(1000 + 16 * i, i, i + 1) for i in range(10)]
    offsets, total = plan_offsets(chain)
    assert total == lower_bound(chain)


def test_training_shape_meets_the_lower_bound():
    # activations live until their backward step, errors for two steps
    n = 8
    items = [Buffer(4096 >> i, i, 2 * n - i) for i in range(n)] + [
        Buffer(4096 >> i, 2 * n - i - 1, 2 * n - i) for i in range(n)
    ]
    offsets, total = plan_offsets(items)
    assert total <= 1.05 * lower_bound(items)


def test_no_buffers_need_no_bytes():
    assert plan_offsets([]) == ([], 0)
