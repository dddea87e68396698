import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from companion.clipping import clip_by_global_norm, clip_by_norm, clip_by_value
from companion.lab.networks import clipping


def clip_one_by_global_norm(gradient, limit):
    return clip_by_global_norm([gradient], limit)[0]


CLIPS = [clip_by_value, clip_by_norm, clip_one_by_global_norm]
each_clip = pytest.mark.parametrize("clip", CLIPS)


@pytest.mark.parametrize("limit", [0.5, 2.0, 64.0])
@pytest.mark.parametrize("argument", ["clipvalue", "clipnorm", "global_clipnorm"])
def test_equals_keras(keras, argument, limit):
    rng = np.random.default_rng(1)
    gradients = [rng.standard_normal((5, 4)), 0.01 * rng.standard_normal(7), np.zeros(3)]
    variables = [keras.Variable(np.zeros(g.shape), dtype="float64") for g in gradients]
    optimizer = keras.optimizers.SGD(1.0, **{argument: limit})
    optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients], variables)
    clipped = {
        "clipvalue": [clip_by_value(g, limit) for g in gradients],
        "clipnorm": [clip_by_norm(g, limit) for g in gradients],
        "global_clipnorm": clip_by_global_norm(gradients, limit),
    }[argument]
    for ours, variable in zip(clipped, variables, strict=True):
        assert_allclose(ours, -variable.numpy(), rtol=1e-12)


def test_hand_worked():
    gradient = np.array([[3.0, -4.0], [12.0, 0.0]])  # norm sqrt(9 + 16 + 144) = 13
    assert clip_by_value(gradient, 3.5).tolist() == [[3, -3.5], [3.5, 0]]
    assert_allclose(clip_by_norm(gradient, 6.5), [[1.5, -2], [6, 0]], rtol=1e-15)
    # norms 3, 4, 12 together 13; each alone would stay or be cut apart
    clipped = clip_by_global_norm([np.array([3.0]), np.array([-4.0]), np.array([12.0])], 6.5)
    assert_allclose(np.concatenate(clipped), [1.5, -2, 6], rtol=1e-15)
    alone = [clip_by_norm(np.array([g]), 6.5).item() for g in (3.0, -4.0, 12.0)]
    assert alone == pytest.approx([3, -4, 6.5])


gradients = hnp.arrays(
    np.float64, hnp.array_shapes(max_dims=3), elements=st.floats(-1e4, 1e4, allow_subnormal=True)
)
limits = st.floats(1e-3, 1e4)


@settings(deadline=None)
@given(gradient=gradients, limit=limits)
def test_by_value(gradient, limit):
    clipped = clip_by_value(gradient, limit)
    assert (np.abs(clipped) <= limit).all()
    inside = np.abs(gradient) <= limit
    assert_array_equal(clipped[inside], gradient[inside])
    assert_array_equal(clipped[~inside], limit * np.sign(gradient[~inside]))


@settings(deadline=None)
@given(gradient=gradients, limit=limits)
def test_by_norm(gradient, limit):
    clipped, norm = clip_by_norm(gradient, limit), np.linalg.norm(gradient)
    assert np.linalg.norm(clipped) <= limit * (1 + 1e-12)
    if norm < limit * (1 - 1e-12):
        assert_array_equal(clipped, gradient)
    else:
        assert_allclose(clipped * norm, gradient * limit, rtol=1e-9, atol=1e-300)


@settings(deadline=None)
@given(several=st.lists(gradients, min_size=1, max_size=4), limit=limits)
def test_global_norm_is_the_norm_of_all_together(several, limit):
    together = np.concatenate([g.ravel() for g in several])
    clipped = clip_by_global_norm(several, limit)
    assert [g.shape for g in clipped] == [g.shape for g in several]
    assert_allclose(
        np.concatenate([g.ravel() for g in clipped]), clip_by_norm(together, limit), rtol=1e-12
    )


@each_clip
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_nothing_is_mutated(clip, dtype):
    gradient = np.array([3.0, -4.0], dtype)
    assert clip(gradient, np.float64(1.0)).dtype == dtype
    assert gradient.tolist() == [3, -4]


@each_clip
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0.0, 1e-42, 1e4, 1e20, 1e37])
def test_explosions_do_not_overflow(clip, dtype, size):
    """Squared, float32 numbers above 1.8e19 would be infinite."""
    clipped = clip(np.array([size, -size], dtype), 1.0)
    expected = min(size, 1.0 if clip is clip_by_value else math.sqrt(0.5))
    assert_allclose(clipped, [expected, -expected], rtol=1e-3)


@pytest.mark.parametrize("clip", [clip_by_norm, clip_one_by_global_norm])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_no_direction(clip, bad):
    assert np.isnan(clip(np.array([1.0, bad, 2.0]), 1.0)).all()


def test_no_gradients():
    assert clip_by_global_norm([], 1.0) == []
    assert clip_by_norm(np.empty(0), 1.0).shape == (0,)


@pytest.mark.parametrize("kind", ["value", "norm", "global norm", "none"])
def test_what_fit_takes_clips_like_the_formulas(kind):
    gradients = [np.array([6.0, 8.0]), np.array([0.3])]
    by_hand = {
        "value": [[5.0, 5.0], [0.3]],
        "norm": [[3.0, 4.0], [0.3]],
        "global norm": [(g * 5 / 100.09**0.5).tolist() for g in gradients],
        "none": [[6.0, 8.0], [0.3]],
    }
    clipped = clipping(kind, 5.0)(gradients)
    for ours, expected in zip(clipped, by_hand[kind], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_a_kind_of_clipping_needs_a_known_name_and_a_limit():
    with pytest.raises(ValueError, match=r"kind must be one of .*received kind='length'"):
        clipping("length", 1.0)
    with pytest.raises(ValueError, match="value needs a limit"):
        clipping("value")
