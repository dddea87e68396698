"""Networks A that know more or less of task B: other classes, other labels, other pixels."""

import numpy as np

from companion.lab.studies import Study
from companion.lab.transfer import Dataset, adapt, best_of, classifier, draw, reuse, tasks
from companion.optimizers import Nesterov, Optimizer

RATES = [0.01, 0.03, 0.1]
SHOES_AND_BAGS = (7, 8, 9)  # sneaker, bag, ankle boot
PLACES = np.random.default_rng(0).permutation(28 * 28)


def changed(data, source, pair, rng):
    """Return task A as a source sees it."""
    images, labels = data
    if source == "three classes":
        kept = [label for label in range(10) if label not in pair]
        wanted = [kept.index(label) for label in SHOES_AND_BAGS]
        chosen = np.isin(labels, wanted)
        return Dataset(images[chosen], np.searchsorted(wanted, labels[chosen]))
    if source == "random labels":
        return Dataset(images, rng.integers(8, size=len(labels)))
    if source == "shuffled pixels":
        pixels = images.reshape(len(images), -1).take(PLACES, axis=1)
        return Dataset(pixels.reshape(images.shape), labels)
    return Dataset(1 - images, labels) if source == "inverted" else data


@np.errstate(all="ignore")
def train(seed, pair, source):
    pair = tuple(int(label) for label in pair.split())
    task_a, task_b = tasks(pair)
    rng_a, rng_b, rng_draw_a, rng_draw, rng_labels = np.random.default_rng(seed).spawn(5)
    if source == "both tasks":  # B's two classes among the ten, as many images
        task_a = tasks((10, 11))[0]
    source_data = changed(draw(rng_draw_a, task_a.train, 12_000), source, pair, rng_labels)
    model_a = classifier(rng_a, int(source_data.labels.max()) + 1)
    if source != "untrained":
        rule = Optimizer(Nesterov(0.9), 0.005)
        model_a.fit(*source_data, optimizer=rule, epochs=3)
    data, seed_b = draw(rng_draw, task_b.train, 200), rng_b.integers(2**32)

    def model_b(rate, layers, thawed):
        model = classifier(np.random.default_rng(seed_b), 1)
        return adapt(model, reuse(model, model_a, layers), data, rate=rate, thawed=thawed)

    ways = {f"reuse {k}": (k, 0) for k in range(6)} | {"thaw 5": (5, 5)}
    return {
        name: best_of(lambda rate, way=way: model_b(rate, *way), RATES, task_b)[0]
        for name, way in ways.items()
    }


STUDY = Study(
    question="What must network A have seen, so that its layers help?",
    run=train,
    settings={
        "sandal or shirt": {"pair": "5 6"},
        "T-shirt or pullover": {"pair": "0 2"},
    },
    variants={
        name: {"source": name}
        for name in (
            "eight classes",
            "both tasks",
            "three classes",
            "random labels",
            "shuffled pixels",
            "inverted",
            "untrained",
        )
    },
    seeds=range(3),
    smallest={"accuracy": 0.005},
)
