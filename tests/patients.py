"""Networks to diagnose: with one planted ailment each, and healthy ones.

``AILING`` maps a name to a function that returns a model, inputs and labels, and to what the
report must name, the first first. ``HEALTHY`` maps a name to such a function.
"""

from collections.abc import Callable

import numpy as np

SPARSE = "sparse_categorical_crossentropy"
CLASSES = 5


def table(n=256, features=20, seed=0):
    """Standardized features, and classes that depend on them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, features)).astype("float32")
    return x, (x @ rng.normal(size=(features, CLASSES))).argmax(1)


def images(n=64, size=10):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, size, size, 1)).astype("float32")
    return x, rng.integers(0, CLASSES, n)


def sequences(n=64, steps=8, features=6):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(n, steps, features)).astype("float32")
    return x, (x[:, -1] @ rng.normal(size=(features, CLASSES))).argmax(1)


def mlp(depth, width, activation, initializer="glorot_uniform", *, head="softmax", units=CLASSES,
        features=20, **options):  # fmt: skip
    """Return a dense network; an initializer object would draw the same in every layer."""
    import keras

    def fresh():
        return initializer() if callable(initializer) else initializer

    return keras.Sequential(
        [keras.Input((features,))]
        + [
            keras.layers.Dense(width, activation, kernel_initializer=fresh(), **options)
            for _ in range(depth)
        ]
        + [keras.layers.Dense(units, head)]
    )


def stack(*layers, shape):
    import keras

    return keras.Sequential([keras.Input(shape), *layers])


def ready(model, optimizer="adam", loss=SPARSE):
    model.compile(optimizer, loss)
    return model


def train(model, x, y, steps):
    """Train on the whole batch, in one epoch: a call of fit is dear, a step is not."""
    x, y = (np.concatenate([a] * steps) for a in (x, y))
    model.fit(x, y, batch_size=len(x) // steps, shuffle=False, verbose=0)


def normal(std):
    import keras

    return lambda: keras.initializers.RandomNormal(stddev=std)


def sgd(rate, **options):
    import keras

    return keras.optimizers.SGD(rate, **options)


def adam(rate):
    import keras

    return keras.optimizers.Adam(rate)


# The sick

AILING: dict[str, tuple[Callable, tuple[str, ...]]] = {}
HEALTHY: dict[str, Callable] = {}


def ails(*ailments):
    """Register a network with all that its report must name; the first must stand first."""

    def register(make):
        AILING[make.__name__] = make, ailments
        return make

    return register


def healthy(make):
    HEALTHY[make.__name__] = make
    return make


@ails("vanishing gradients")
def deep_sigmoid():
    return ready(mlp(10, 50, "sigmoid", "glorot_normal")), *table()


@ails("vanishing gradients")
def sigmoid_with_tiny_weights():
    return ready(mlp(4, 50, "sigmoid", normal(0.01))), *table()


@ails("vanishing gradients")
def relu_with_tiny_weights():
    return ready(mlp(5, 50, "relu", normal(0.01))), *table()


@ails("vanishing gradients")
def very_deep_relu_under_glorot():
    return ready(mlp(30, 30, "relu")), *table()


@ails("exploding gradients")
def deep_relu_with_large_weights():
    return ready(mlp(12, 50, "relu", normal(0.5))), *table()


@ails("weights are too large")
def standard_normal_weights():
    return ready(mlp(3, 100, "tanh", normal(1.0))), *table()


@ails("weights are too large", "exploding gradients")
def standard_normal_weights_in_deep_relu():
    return ready(mlp(8, 100, "relu", normal(1.0))), *table()


@ails("symmetric initialization")
def all_weights_equal():
    import keras

    return ready(mlp(2, 30, "tanh", lambda: keras.initializers.Constant(0.05))), *table()


@ails("symmetric initialization")
def all_weights_zero():
    model = mlp(2, 30, "relu", "zeros")
    model.layers[-1].kernel.assign(0 * model.layers[-1].kernel)
    return ready(model), *table()


@ails("dead units")
def relu_with_negative_biases():
    import keras

    model = mlp(3, 40, "relu", "he_normal", bias_initializer=keras.initializers.Constant(-15))
    return ready(model), *table()


@ails("dead units")
def relu_after_a_step_too_far():
    x, y = table()
    model = ready(mlp(2, 60, "relu", "he_normal"))
    train(model, x, y, 3)
    # What a step at a high rate does to the biases; at a real one the rest is chaos
    bias = model.layers[1].bias
    bias.assign(np.where(np.arange(60) < 55, -40, bias))
    return model, x, y


@ails("dead units")
def dead_convolutions():
    import keras

    bias = keras.initializers.Constant(-20)
    model = stack(
        keras.layers.Conv2D(8, 3, activation="relu", bias_initializer=bias),
        keras.layers.Flatten(),
        keras.layers.Dense(CLASSES, "softmax"),
        shape=(10, 10, 1),
    )
    return ready(model), *images()


@ails("saturated units")
def saturated_tanh():
    import keras

    model = mlp(2, 40, "tanh", bias_initializer=keras.initializers.Constant(6))
    return ready(model), *table()


@ails("saturated units")
def saturated_sigmoid_layer():
    import keras

    dense = keras.layers.Dense(40, kernel_initializer=normal(0.9)())
    model = stack(
        dense, keras.layers.Activation("sigmoid"), keras.layers.Dense(CLASSES, "softmax"),
        shape=(20,),
    )  # fmt: skip
    dense.bias.assign(np.repeat([-9.0, 9.0], 20))
    return ready(model), *table()


@ails("unscaled inputs")
def pixels_to_255():
    import keras

    model = stack(
        keras.layers.Flatten(),
        keras.layers.Dense(50, "relu", kernel_initializer="he_normal"),
        keras.layers.Dense(CLASSES, "softmax"),
        shape=(10, 10, 1),
    )
    rng = np.random.default_rng(0)
    return ready(model), rng.integers(0, 256, (200, 10, 10, 1)), rng.integers(0, CLASSES, 200)


@ails("unscaled inputs")
def features_in_their_own_units():
    x, y = table()
    return ready(mlp(2, 30, "relu", "he_normal")), x * 5 + 290, y


@ails("inputs scaled away")
def pixels_scaled_twice():
    x, y = table()
    return ready(mlp(2, 30, "relu", "he_normal")), np.clip(np.abs(x) / 4, 0, 1) / 255, y


@ails("unscaled targets")
def prices():
    x, _ = table()
    model = ready(mlp(2, 30, "relu", "he_normal", head=None, units=1), "adam", "mse")
    return model, x, 2e5 + 5e4 * x[:, 0]


@ails("learning rate too high")
def adam_far_too_fast():
    return ready(mlp(3, 50, "relu", "he_normal"), adam(0.5)), *table()


@ails("learning rate too high")
def sgd_far_too_fast():
    return ready(mlp(3, 50, "relu", "he_normal"), sgd(20.0)), *table()


@ails("learning rate too low")
def far_too_slow():
    return ready(mlp(3, 50, "relu", "he_normal"), sgd(1e-7)), *table()


@ails("learning rate too low")
def adam_far_too_slow():
    return ready(mlp(2, 50, "relu", "he_normal"), adam(1e-9)), *table()


@ails("softmax twice")
def softmax_and_from_logits():
    import keras

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return ready(mlp(2, 30, "relu", "he_normal"), "adam", loss), *table()


@ails("sigmoid twice")
def sigmoid_and_from_logits():
    import keras

    x, y = table()
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    return ready(mlp(2, 30, "relu", "he_normal", head="sigmoid", units=1), "adam", loss), x, y > 1


@ails("logits without from_logits")
def logits_taken_for_probabilities():
    return ready(mlp(2, 30, "relu", "he_normal", head=None)), *table()


@ails("logits without from_logits")
def one_logit_taken_for_a_probability():
    x, y = table()
    model = mlp(2, 30, "relu", "he_normal", head=None, units=1)
    return ready(model, "adam", "binary_crossentropy"), x, (y > 1).astype(float)


@ails("softmax on one unit")
def one_softmax_unit():
    x, y = table()
    model = mlp(2, 30, "relu", "he_normal", units=1)
    return ready(model, "adam", "binary_crossentropy"), x, (y > 1).astype(int)


@ails("categorical loss on one unit")
def one_sigmoid_unit_with_a_categorical_loss():
    x, y = table()
    model = mlp(2, 30, "relu", "he_normal", head="sigmoid", units=1)
    return ready(model, "adam", "categorical_crossentropy"), x, (y > 1).astype(int)


@ails("labels outside the classes")
def labels_from_one():
    x, y = table()
    return ready(mlp(2, 30, "relu", "he_normal")), x, y + 1


@ails("labels outside the classes")
def labels_of_minus_one_and_one():
    x, y = table()
    model = mlp(2, 30, "relu", "he_normal", head="sigmoid", units=1)
    return ready(model, "adam", "binary_crossentropy"), x, np.where(y > 1, 1, -1)


@ails("one-hot labels with the sparse loss")
def one_hot_with_the_sparse_loss():
    x, y = table()
    return ready(mlp(2, 30, "relu", "he_normal")), x, np.eye(CLASSES)[y]


@ails("class numbers with the one-hot loss")
def numbers_with_the_one_hot_loss():
    x, y = table()
    return ready(mlp(2, 30, "relu", "he_normal"), "adam", "categorical_crossentropy"), x, y


@ails("labels of the wrong shape")
def one_target_for_several_outputs():
    x, _ = table()
    return ready(mlp(2, 30, "relu", "he_normal", head=None, units=3), "adam", "mse"), x, x[:, :1]


@ails("labels of the wrong shape")
def three_class_numbers_an_example():
    x, y = table()
    return ready(mlp(2, 30, "relu", "he_normal")), x, np.stack([y, y, y], 1)


@ails("labels are all the same")
def the_first_of_sorted_data():
    x, y = table()
    return ready(mlp(2, 30, "relu", "he_normal")), x, 0 * y + 2


@ails("constant predictions")
def the_same_example_everywhere():
    x, y = table()
    return ready(mlp(2, 30, "relu", "he_normal")), 0 * x + x[:1], y


@ails("vanishing gradients", "constant predictions")
def weights_taken_to_nothing():
    x, y = table()
    model = ready(mlp(2, 30, "tanh"), sgd(0.01))
    # What a strong penalty leaves behind
    model.set_weights(
        [w * (1e-3 if w.ndim > 1 else 1) + (w.ndim == 1) for w in model.get_weights()]
    )
    train(model, x[:32], y[:32], 1)
    return model, x, y


@ails("everything is frozen")
def all_frozen():
    model = mlp(2, 30, "relu", "he_normal")
    model.trainable = False
    return ready(model), *table()


@ails("frozen by accident")
def frozen_before_it_learned():
    model = mlp(3, 30, "relu", "he_normal")
    model.layers[1].trainable = False
    return ready(model), *table()


@ails("frozen by accident")
def frozen_head():
    model = transferred()[0]
    for layer in model.layers:
        layer.trainable = not layer.trainable
    return ready(model), *table()


def batch_norm_net():
    import keras

    L = keras.layers
    return stack(
        L.Conv2D(8, 3, use_bias=False), L.BatchNormalization(), L.ReLU(), L.MaxPooling2D(),
        L.Conv2D(16, 3, use_bias=False), L.BatchNormalization(), L.ReLU(), L.Flatten(),
        L.Dense(CLASSES, "softmax"), shape=(10, 10, 1),
    )  # fmt: skip


@ails("moving statistics differ from the batch's")
def batch_norm_never_in_training_mode():
    x, y = images()
    model = ready(batch_norm_net())
    train(model, x, y, 50)
    for layer in model.layers:
        if hasattr(layer, "moving_mean"):
            layer.moving_mean.assign(0 * layer.moving_mean)
            layer.moving_variance.assign(0 * layer.moving_variance + 1)
    return model, 3 * x + 2, y


@ails("dropout drowns the signal")
def keep_probability_given_as_rate():
    import keras

    model = mlp(1, 60, "relu", "he_normal")
    layers = [*model.layers[:-1], keras.layers.Dropout(0.95), model.layers[-1]]
    return ready(stack(*layers, shape=(20,))), *table()


@ails("NaN or Inf in the data")
def one_nan_among_the_inputs():
    x, y = table()
    x = x.copy()
    x[3, 4] = np.nan
    return ready(mlp(2, 30, "relu", "he_normal")), x, y


@ails("NaN or Inf in the weights")
def weights_after_an_explosion():
    x, y = table()
    model = ready(mlp(4, 30, "relu", "he_normal", head=None, units=1), sgd(1e4), "mse")
    train(model, x, 1e3 * y, 40)
    return model, x, y


@ails("NaN or Inf on the way up")
def a_logarithm_of_negative_numbers():
    import keras

    x, y = table()
    log = keras.layers.Lambda(keras.ops.log)
    return ready(stack(keras.layers.Dense(10), log, keras.layers.Dense(CLASSES, "softmax"),
                       shape=(20,))), x, y  # fmt: skip


@ails("SELU without lecun_normal")
def selu_under_keras_default():
    x, y = table(features=100)
    return ready(mlp(6, 40, "selu", features=100)), x, y


@ails("SELU without lecun_normal")
def selu_under_he():
    return ready(mlp(6, 40, "selu", "he_normal")), *table()


@ails("SELU on inputs that are not standardized")
def selu_on_pixels():
    x, y = table()
    return ready(mlp(6, 40, "selu", "lecun_normal")), 1 / (1 + np.exp(-x)), y


@ails("the penalty dominates the loss")
def strong_l2():
    return ready(mlp(3, 60, "relu", "he_normal", kernel_regularizer=l2(0.5))), *table()


def l2(strength):
    import keras

    return keras.regularizers.L2(strength)


# The healthy


@healthy
def dense_relu():
    return ready(mlp(3, 50, "relu", "he_normal")), *table()


@healthy
def deep_relu():
    return ready(mlp(20, 50, "relu", "he_normal"), sgd(0.01)), *table()


@healthy
def deep_selu():
    return ready(mlp(20, 50, "selu", "lecun_normal"), sgd(0.01, momentum=0.9)), *table()


@healthy
def two_sigmoid_layers():
    return ready(mlp(2, 50, "sigmoid")), *table()


@healthy
def tanh_net():
    return ready(mlp(10, 50, "tanh")), *table()


@healthy
def batch_norm_cnn():
    return ready(batch_norm_net()), *images()


@healthy
def trained_batch_norm_cnn():
    x, y = images()
    model = ready(batch_norm_net())
    train(model, x, y, 300)
    return model, x, y


@healthy
def deep_batch_norm():
    import keras

    L = keras.layers
    blocks = []
    for _ in range(20):
        dense = L.Dense(50, use_bias=False, kernel_initializer="he_normal")
        blocks += [dense, L.BatchNormalization(), L.ReLU()]
    return ready(stack(*blocks, L.Dense(CLASSES, "softmax"), shape=(20,))), *table()


@healthy
def recurrent():
    import keras

    L = keras.layers
    model = stack(
        L.Bidirectional(L.LSTM(12, return_sequences=True)), L.GRU(12, dropout=0.2),
        L.Dense(CLASSES, "softmax"), shape=(8, 6),
    )  # fmt: skip
    return ready(model), *sequences()


@healthy
def words():
    import keras

    L = keras.layers
    model = stack(
        L.Embedding(200, 8, mask_zero=True), L.LSTM(12), L.Dense(1, "sigmoid"), shape=(8,)
    )
    rng = np.random.default_rng(0)
    model = ready(model, "adam", "binary_crossentropy")
    return model, rng.integers(0, 200, (64, 8)), rng.integers(0, 2, 64)


@healthy
def skip_connections():
    import keras

    L = keras.layers
    x = inputs = keras.Input((20,))
    x = L.Dense(40, "relu", kernel_initializer="he_normal")(x)
    for _ in range(5):
        # The last layer of a branch starts at 0, as residual networks often do
        h = L.Dense(40, "relu", kernel_initializer="he_normal")(L.LayerNormalization()(x))
        x = x + L.Dense(40, kernel_initializer="zeros")(h)
    model = keras.Model(inputs, L.Dense(CLASSES)(L.LayerNormalization()(x)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return ready(model, "adam", loss), *table()


@healthy
def branches():
    """Two inputs, a shared layer, a nested model, two outputs."""
    import keras

    L = keras.layers
    a, b = keras.Input((20,), name="a"), keras.Input((20,), name="b")
    shared = L.Dense(30, "relu", kernel_initializer="he_normal", name="shared")
    nested = stack(L.Dense(30, "relu", kernel_initializer="he_normal"), L.Dropout(0.5), shape=(60,))
    x = nested(L.Concatenate()([shared(a), shared(b)]))
    outputs = {"kind": L.Dense(CLASSES, "softmax")(x), "size": L.Dense(1)(x)}
    model = keras.Model({"a": a, "b": b}, outputs)
    model.compile("adam", {"kind": SPARSE, "size": "mse"}, loss_weights={"size": 0.5})
    x, y = table()
    return model, {"a": x, "b": x[::-1]}, {"kind": y, "size": x[:, 0]}


@healthy
def trained():
    x, y = table()
    model = ready(mlp(2, 50, "relu", "he_normal"), adam(0.003))
    train(model, x, y, 400)
    return model, x, y


@healthy
def trained_with_sgd_almost_to_nothing():
    x, y = table(64)
    model = ready(mlp(1, 80, "tanh"), sgd(0.3))
    train(model, x, y, 800)
    return model, x, y


@healthy
def regression():
    x, _ = table()
    model = mlp(2, 40, "relu", "he_normal", head=None, units=1)
    return ready(model, "adam", "mse"), x, np.sin(x[:, 0]) + 0.1 * x[:, 1]


def transferred():
    """A pretrained, frozen base under a new head."""
    import keras

    x, y = table()
    base = mlp(2, 40, "relu", "he_normal")
    train(ready(base), x, y, 20)
    lower = keras.Sequential([keras.Input((20,)), *base.layers[:-1]])
    lower.trainable = False
    return ready(stack(lower, keras.layers.Dense(CLASSES, "softmax"), shape=(20,))), x, y


healthy(transferred)


@healthy
def regularized():
    import keras

    L = keras.layers
    layers = [L.Rescaling(1 / 255), L.Flatten()]
    for _ in range(2):
        layers += [L.Dense(60, "relu", kernel_initializer="he_normal", kernel_regularizer=l2(1e-3))]
        layers += [L.Dropout(0.5)]
    model = stack(*layers, L.Dense(CLASSES, "softmax"), shape=(10, 10, 1))
    rng = np.random.default_rng(0)
    return ready(model), rng.integers(0, 256, (200, 10, 10, 1)), rng.integers(0, CLASSES, 200)


@healthy
def warming_up():
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=1000, warmup_target=1e-3, warmup_steps=100
    )
    return ready(mlp(3, 50, "relu", "he_normal"), adam(schedule)), *table()


@healthy
def attention():
    import keras

    L = keras.layers
    x = inputs = keras.Input((8, 16))
    for _ in range(2):
        h = L.LayerNormalization()(x)
        x = x + L.MultiHeadAttention(2, 8)(h, h)
        h = L.Dense(32, "gelu")(L.LayerNormalization()(x))
        x = x + L.Dense(16)(h)
    model = keras.Model(inputs, L.Dense(CLASSES, "softmax")(L.GlobalAveragePooling1D()(x)))
    return ready(model), *sequences(features=16)
