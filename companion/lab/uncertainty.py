"""How sure a classifier is, and whether it is right to be: scores of predicted probabilities."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from companion._checks import integer, number, numbers
from companion.activations import softmax

Array = NDArray[np.floating]


def negative_log_likelihood(probabilities: ArrayLike, labels: ArrayLike) -> float:
    r"""Return the mean surprise at the true classes, in nats.

    .. math:: -\frac1n \sum_i \ln p_i(y_i)

    Parameters
    ----------
    probabilities : array of shape (n, classes)
        :math:`p`; one of exactly 0 counts as the smallest positive number of its dtype.
    labels : array of int, shape (n,)
        The true classes :math:`y`.

    Raises
    ------
    ValueError
        When the shapes do not fit.

    Examples
    --------
    >>> round(negative_log_likelihood([[0.5, 0.5], [0.9, 0.1]], [0, 0]), 4)
    0.3993
    """
    probabilities, labels = _check(probabilities, labels)
    return float(-_log(probabilities[np.arange(len(labels)), labels]).mean())


def brier(probabilities: ArrayLike, labels: ArrayLike) -> float:
    r"""Return Brier's score: the mean squared distance from the true class's one-hot vector.

    .. math:: \frac1n \sum_i \sum_k \left( p_i(k) - [y_i = k] \right)^2

    Parameters
    ----------
    probabilities : array of shape (n, classes)
        :math:`p`.
    labels : array of int, shape (n,)
        The true classes :math:`y`.

    Returns
    -------
    float
        From 0 (certain and right) to 2 (certain and wrong).

    Raises
    ------
    ValueError
        When the shapes do not fit.

    References
    ----------
    G. W. Brier (1950), Verification of forecasts expressed in terms of probability,
    doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    Examples
    --------
    >>> brier([[0.5, 0.5], [1.0, 0.0]], [0, 0])
    0.25
    """
    probabilities, labels = _check(probabilities, labels)
    true = np.eye(probabilities.shape[1])[labels]
    return float(np.square(probabilities - true).sum(1).mean())


def reliability(probabilities: ArrayLike, labels: ArrayLike, bins: int = 10) -> pd.DataFrame:
    r"""Return how often a classifier is right, by how sure it was.

    Parameters
    ----------
    probabilities : array of shape (n, classes)
        The largest of a row is its *confidence*.
    labels : array of int, shape (n,)
        The true classes.
    bins : int
        Into how many bins of equal width (0, 1] is divided.

    Returns
    -------
    pandas.DataFrame
        One row a bin that has predictions in it: its ends ``low`` and ``high`` (included), their
        ``count``, mean ``confidence`` and ``accuracy``.

    Raises
    ------
    ValueError
        When the shapes do not fit, or ``bins`` is less than 1 or above a million.

    References
    ----------
    M. H. DeGroot, S. E. Fienberg (1983), The comparison and evaluation of forecasters,
    doi:10.2307/2987588.

    Examples
    --------
    >>> reliability([[0.9, 0.1], [0.85, 0.15], [0.3, 0.7]], [0, 1, 1]).round(3)
       low  high  count  confidence  accuracy
    0  0.6   0.7      1       0.700       1.0
    1  0.8   0.9      2       0.875       0.5
    """
    probabilities, labels = _check(probabilities, labels)
    if not 1 <= integer("bins", bins) <= 10**6:
        raise ValueError(f"bins must be at least 1 and at most a million; received bins={bins}")
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    # Rounding must not lift what is 0.7 over the end of its bin
    bin_of = np.clip(np.ceil(confidence * bins - 1e-6).astype(int) - 1, 0, bins - 1)
    table = pd.DataFrame({"bin": bin_of, "confidence": confidence, "right": right})
    groups = table.groupby("bin")
    index = np.array(list(groups.groups))
    return pd.DataFrame(
        {
            "low": index / bins,
            "high": (index + 1) / bins,
            "count": groups.size().to_numpy(),
            "confidence": groups["confidence"].mean().to_numpy(),
            "accuracy": groups["right"].mean().to_numpy(),
        }
    )


def expected_calibration_error(
    probabilities: ArrayLike, labels: ArrayLike, bins: int = 10
) -> float:
    r"""Return how far confidence and accuracy lie apart, averaged over the bins.

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{n}
        \left| \mathrm{accuracy}_b - \mathrm{confidence}_b \right|

    with the rows of :func:`reliability`, :math:`n_b` its ``count``.

    Parameters
    ----------
    probabilities, labels, bins
        As in :func:`reliability`, whose errors are raised here.

    Notes
    -----
    It is 0 for whoever predicts the classes' shares for every example, so it says nothing about
    accuracy. It depends on the bins, and noise alone keeps it above 0 in small samples.

    References
    ----------
    C. Guo et al. (2017), On calibration of modern neural networks, arXiv:1706.04599.

    Examples
    --------
    >>> expected_calibration_error([[0.75, 0.25]] * 4, [0, 0, 1, 1])
    0.25
    """
    table = reliability(probabilities, labels, bins)
    gaps = (table["accuracy"] - table["confidence"]).abs()
    return float((table["count"] * gaps).sum() / table["count"].sum())


class Uncertainty(NamedTuple):
    """What :func:`uncertainty` returns: arrays of shape (batch,), in nats."""

    total: Array  #: entropy of the mean prediction
    expected: Array  #: mean entropy of the passes
    mutual_information: Array  #: how much the passes disagree


def uncertainty(passes: ArrayLike) -> Uncertainty:
    r"""Split the entropy of a mean prediction into what each pass says and their disagreement.

    .. math:: H[\bar p] = \frac1T \sum_t H[p_t] + I, \qquad H[p] = -\sum_k p(k) \ln p(k)

    Parameters
    ----------
    passes : array of shape (samples, batch, classes)
        :math:`p_t`, such as :func:`companion.dropout.mc_predict` returns, or the predictions of
        several networks.

    Returns
    -------
    Uncertainty
        :math:`H[\bar p]`, the mean of the :math:`H[p_t]` and the mutual information :math:`I`,
        which is never negative.

    Raises
    ------
    ValueError
        When ``passes`` has not three axes.

    References
    ----------
    S. Depeweg et al. (2018), Decomposition of uncertainty in Bayesian deep learning,
    arXiv:1710.07283.

    Examples
    --------
    >>> agree, quarrel = [[0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]
    >>> split = uncertainty(np.stack([agree, quarrel], axis=1))
    >>> split.total.round(3).tolist(), split.mutual_information.round(3).tolist()
    ([0.693, 0.693], [0.0, 0.693])
    """
    passes = _probabilities("passes", passes)
    if passes.ndim != 3:
        raise ValueError(
            f"passes must have the shape (samples, batch, classes); received {passes.shape}"
        )
    total = entropy(passes.mean(0))
    expected = entropy(passes).mean(0)
    return Uncertainty(total, expected, np.maximum(total - expected, 0))


def entropy(probabilities: ArrayLike) -> Array:
    r"""Return :math:`-\sum_k p(k) \ln p(k)` over the last axis, in nats.

    Examples
    --------
    >>> entropy([[1.0, 0.0], [0.5, 0.5]]).round(4).tolist()
    [0.0, 0.6931]
    """
    probabilities = _probabilities("probabilities", probabilities)
    return -(probabilities * _log(probabilities)).sum(-1) + 0.0


def auroc(inside: ArrayLike, outside: ArrayLike) -> float:
    """Return how well a score tells two sets apart: the area under the ROC curve.

    It is the probability that a random member of ``outside`` has a higher score than a random
    member of ``inside``, ties counted half: 0.5 for a coin, 1 for scores that never overlap.

    Parameters
    ----------
    inside, outside : arrays of shape (n,) and (m,)
        Scores, such as entropies, of what should score low and of what should score high.

    References
    ----------
    J. A. Hanley, B. J. McNeil (1982), The meaning and use of the area under a receiver operating
    characteristic (ROC) curve, doi:10.1148/radiology.143.1.7063747.

    Examples
    --------
    >>> auroc([0.1, 0.2, 0.3], [0.25, 0.4])
    0.8333333333333334
    """
    inside, outside = numbers("inside", inside), numbers("outside", outside)
    if inside.ndim != 1 or outside.ndim != 1 or not len(inside) or not len(outside):
        raise ValueError(
            "inside and outside must be rows of one score or more; "
            f"received {inside.shape} and {outside.shape}"
        )
    ranks = stats.rankdata(np.concatenate([inside, outside]))[len(inside) :]
    wins = ranks.sum() - len(outside) * (len(outside) + 1) / 2
    return float(wins / (len(inside) * len(outside)))


def accuracy_of_surest(right: ArrayLike, doubt: ArrayLike, shares: ArrayLike) -> Array:
    """Return the accuracy on what is left when the most doubtful predictions are rejected.

    Parameters
    ----------
    right : array of bool, shape (n,)
        Which predictions are right.
    doubt : array of shape (n,)
        How doubtful each is, such as its entropy; ties keep their order.
    shares : array of shape (m,)
        The shares of predictions to keep, each in (0, 1].

    Returns
    -------
    array of shape (m,)

    Raises
    ------
    ValueError
        When the shapes do not fit, or a share is outside (0, 1].

    Examples
    --------
    >>> accuracy_of_surest([True, False, True, True], [0.1, 0.9, 0.2, 0.3], [1.0, 0.5]).tolist()
    [0.75, 1.0]
    """
    right, doubt = numbers("right", right), numbers("doubt", doubt)
    shares = numbers("shares", shares, float)
    if right.shape != doubt.shape or right.ndim != 1 or not len(right):
        raise ValueError(
            f"right and doubt must have one shape (n,); received {right.shape} and {doubt.shape}"
        )
    if not np.all((shares > 0) & (shares <= 1)):
        raise ValueError(f"shares must be in (0, 1]; received {shares}")
    running = right[np.argsort(doubt, kind="stable")].cumsum() / np.arange(1, len(right) + 1)
    kept = np.maximum(np.round(shares * len(right)).astype(int), 1)
    return running[kept - 1]


def temperature(probabilities: ArrayLike, labels: ArrayLike) -> float:
    r"""Return the temperature that makes predictions most likely.

    .. math:: \arg\min_T \; -\sum_i \ln \mathrm{softmax}\!\left( \frac{\ln p_i}{T} \right)_{y_i}

    Parameters
    ----------
    probabilities : array of shape (n, classes)
        :math:`p`, on data that the network was not trained with.
    labels : array of int, shape (n,)
        The true classes :math:`y`.

    Returns
    -------
    float
        :math:`T` between 0.05 and 20: above 1 where the network was too sure.
        :func:`at_temperature` applies it.

    Raises
    ------
    ValueError
        When the shapes do not fit.

    References
    ----------
    C. Guo et al. (2017), On calibration of modern neural networks, arXiv:1706.04599.

    Examples
    --------
    >>> too_sure = np.array([[0.99, 0.01]] * 4)
    >>> T = temperature(too_sure, [0, 0, 0, 1])
    >>> at_temperature(too_sure, T)[0].round(2).tolist()
    [0.75, 0.25]
    """
    probabilities, labels = _check(probabilities, labels)

    def loss(log_temperature: float) -> float:
        scaled = at_temperature(probabilities, float(np.exp(log_temperature)))
        return negative_log_likelihood(scaled, labels)

    bounds = (float(np.log(0.05)), float(np.log(20)))
    return float(np.exp(optimize.minimize_scalar(loss, bounds=bounds, method="bounded").x))


def at_temperature(probabilities: ArrayLike, temperature: float) -> Array:
    r"""Return :math:`\mathrm{softmax}(\ln p / T)`: probabilities softened by a temperature.

    Parameters
    ----------
    probabilities : array of shape (n, classes)
        :math:`p`.
    temperature : float
        :math:`T` > 0. Above 1 it takes confidence away; no row's order changes.

    Raises
    ------
    ValueError
        When the temperature is not positive.

    Examples
    --------
    >>> at_temperature([[0.8, 0.2]], 2.0).round(3).tolist()
    [[0.667, 0.333]]
    """
    scale = number("temperature", temperature)
    if not scale > 0:
        raise ValueError(f"temperature must be positive; received temperature={temperature}")
    return softmax(_log(_probabilities("probabilities", probabilities)) / scale)


def _log(probabilities: Array) -> Array:
    return np.log(np.maximum(probabilities, np.finfo(probabilities.dtype).tiny))


def _check(probabilities: ArrayLike, labels: ArrayLike) -> tuple[Array, NDArray[np.integer]]:
    probabilities = _probabilities("probabilities", probabilities)
    labels = numbers("labels", labels)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(
            "expected probabilities of shape (n, classes) and labels of shape (n,); "
            f"received {probabilities.shape} and {labels.shape}"
        )
    classes = probabilities.shape[1]
    if labels.dtype.kind not in "iu" or not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"labels must be integers in [0, {classes}); received {labels.dtype} from "
            f"{labels.min()} to {labels.max()}"
        )
    return probabilities, labels


def _probabilities(name: str, values: ArrayLike) -> Array:
    array = numbers(name, values)
    if array.ndim == 0 or array.size == 0 or not (array.min() >= 0 and array.max() <= 1 + 1e-6):
        raise ValueError(f"{name} must be an array of numbers in [0, 1]; received {array}")
    return array if array.dtype.kind == "f" else array.astype(float)
