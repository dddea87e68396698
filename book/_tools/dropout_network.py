"""Train the small network of the interactive figure ``monte-carlo-dropout``, and store it.

    python book/_tools/dropout_network.py

The page needs the outputs of the first layer for a few images, the weights above it, and the
images themselves; all numbers are rounded to four decimals. It takes a few seconds.
"""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from companion.lab.datasets import CLASS_NAMES, fashion_mnist
from companion.network import Dense, Dropout, Flatten, Sequential
from companion.optimizers import Adam, Optimizer

TARGET = Path(__file__).parent / "static" / "interactive" / "monte-carlo-dropout.data.js"
RATE = 0.3
IMAGES = 15_000
EPOCHS = 6


def train() -> Sequential:
    """Train 784-64-32-10 with dropout before its second and its third layer."""
    training, _, _ = fashion_mnist()
    model = Sequential(
        [
            Flatten(),
            Dense(64, "relu", "he_normal"),
            Dropout(RATE),
            Dense(32, "relu", "he_normal"),
            Dropout(RATE),
            Dense(10, "softmax"),
        ],
        (28, 28),
        np.random.default_rng(42),
        np.float64,
    )
    model.fit(
        training.images[:IMAGES].astype(np.float64),
        training.labels[:IMAGES],
        optimizer=Optimizer(Adam(), 0.001),
        epochs=EPOCHS,
        rng=np.random.default_rng(42),
    )
    return model


def choose(model: Sequential) -> list[tuple[str, np.ndarray]]:
    """Return images with what they show: easy ones, doubtful ones, and some that are no clothes."""
    _, validation, _ = fashion_mnist()
    images = validation.images.astype(np.float64)
    probabilities = model.predict(images)
    first = np.sort(probabilities)[:, -1]
    right = probabilities.argmax(axis=1) == validation.labels
    chosen = []
    for kind, wanted in (
        ("easy", right & (first > 0.98)),
        ("doubtful", (first > 0.4) & (first < 0.55)),
        ("mistaken", ~right & (first > 0.8)),
    ):
        known: list[int] = []
        for index in np.flatnonzero(wanted):
            if validation.labels[index] not in known and len(known) < 3:
                known.append(validation.labels[index])
                chosen.append((f"{CLASS_NAMES[known[-1]]}, {kind}", images[index]))
    boot = images[np.flatnonzero(validation.labels == CLASS_NAMES.index("Ankle boot"))[0]]
    noise = np.random.default_rng(0).random((28, 28))
    return [*chosen, ("Ankle boot, upside down", boot[::-1]), ("Noise", noise)]


def numbers(values: np.ndarray) -> list[Any]:
    """Return numbers rounded for the page."""
    return np.round(values, 4).tolist()


def content(model: Sequential, chosen: Sequence[tuple[str, np.ndarray]]) -> dict[str, Any]:
    """Return what the page needs."""
    weights = model.get_weights()
    images = np.stack([image for _, image in chosen])
    hidden = np.maximum(images.reshape(len(images), -1) @ weights[0] + weights[1], 0)
    return {
        "rate": RATE,
        "classes": list(CLASS_NAMES),
        "names": [name for name, _ in chosen],
        "pixels": [
            base64.b64encode(np.round(255 * i).astype("u1").tobytes()).decode() for i in images
        ],
        "hidden": numbers(hidden),
        "layers": [
            {"weights": numbers(weights[2].ravel()), "bias": numbers(weights[3])},
            {"weights": numbers(weights[4].ravel()), "bias": numbers(weights[5])},
        ],
    }


def main() -> None:
    """Train, and write the page's data."""
    model = train()
    data = json.dumps(content(model, choose(model)), separators=(",", ":"))
    TARGET.write_text(
        "// Made by book/_tools/dropout_network.py\n"
        f"Interactive.data['monte-carlo-dropout']={data};\n",
        "utf-8",
    )


if __name__ == "__main__":
    main()
