"""Measurements that contradict claims of chapter 10, and the verdicts to which they lead."""

from companion.lab.experiments import Interval

NO_DIFFERENCE = Interval(mean=0.0, low=-0.001, high=0.001, n=8)
TWO_POINTS = Interval(mean=0.02, low=0.01, high=0.03, n=8)
WORDS = {"points": str, "percent": str}
SPARSE = {
    "most_zeros": 0.0,
    "small_share": 0.9,
    "soft_zeros": 0.8,
    "free": {"none": 50, "l1 0.001": 95},
    "gains": dict.fromkeys(
        ("50 %, cut", "80 %, cut", "95 %, cut", "95 %, tuned", "99 %, tuned"), TWO_POINTS
    ),
} | WORDS
MAX_NORM = {
    "gap_falls": dict.fromkeys(("4 to 2", "2 to 1", "1 to 0.5"), TWO_POINTS),
    "best_limit": "max-norm 1",
    "limit_gain": TWO_POINTS,
    "limit_loss": NO_DIFFERENCE,
    "tightest": TWO_POINTS,
    "smallest": 0.005,
} | WORDS

CONTRADICTIONS = {
    "sparse-optimizers-dense": (
        {"dense_after": {"Adam": (900, 0.0, 1000)}, "weight_count": 1000} | WORDS,
        "refuted",
    ),
    "sparse-l1-zeroes-weights": (SPARSE | {"most_zeros": 0.9}, "confirmed"),
    "sparse-l1-vs-thresholding": (SPARSE, "confirmed"),
    "sparse-faster-smaller": (
        {
            "faster": {"1 image": [], "256 images": []},
            "smaller": [],
            "zeros_alone": [1.0],
            "tried": 7,
        },
        "refuted",
    ),
    "reg-l2-constrains": (
        {
            "norms": [1.0] * 6,
            "losses": [1.0] * 6,
            "falls": [False] * 4,
            "l2_strengths": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
            "cost": NO_DIFFERENCE,
            "term_error": 0.0,
        }
        | WORDS,
        "refuted",
    ),
    "mn-smaller-r": (
        MAX_NORM | {"gap_falls": dict.fromkeys(("4 to 2", "2 to 1"), NO_DIFFERENCE)},
        "refuted",
    ),
}
