"""Two runs of a notebook: the environment that they share, and when their outputs agree."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from companion.lab.threads import ONE_THREAD

Output = Mapping[str, Any]

#: Environment of every process that runs a cell or a test.
ENVIRONMENT = ONE_THREAD | {
    "CUDA_VISIBLE_DEVICES": "-1",  # the digits printed are a processor's
    "KERAS_BACKEND": "tensorflow",  # and its Keras's, whatever else the reader works with
    "MPLBACKEND": "agg",  # a figure appears where it is shown, never by itself
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

#: A number with a point or an exponent that stands alone: not in a version, a date or a name.
DECIMAL = re.compile(
    r"""(?<![\w.]) (?<![A-Za-z]-)
        ( [+\-\N{MINUS SIGN}]?
          (?: [0-9]+ (?:\.[0-9]+)? [eE] [+-]? [0-9]{1,4}
            | [0-9]* \.[0-9]+ (?:[eE] [+-]? [0-9]{1,4})? ) )
        (?! \.?\w | -[A-Za-z] )""",
    re.VERBOSE,
)


def same(reference: str, test: str) -> bool:
    """Tell whether a run's text agrees with the stored one.

    White space is collapsed. A decimal number (with a point or an exponent) may differ by one
    unit of the reference's last printed digit. All else is exact: words, integers, dates,
    versions, and whatever is glued to letters or underscores.
    """
    # split() leaves the text between numbers at even places, the numbers at odd ones
    expected, received = (DECIMAL.split(" ".join(text.split())) for text in (reference, test))
    return (
        len(expected) == len(received)
        and expected[::2] == received[::2]
        and all(map(_close, expected[1::2], received[1::2]))
    )


def _close(reference: str, test: str) -> bool:
    expected, received = (Decimal(n.replace("\N{MINUS SIGN}", "-")) for n in (reference, test))
    unit = Decimal((0, (1,), expected.as_tuple().exponent))
    return abs(received - expected) <= unit


def differences(reference: Sequence[Output], test: Sequence[Output]) -> list[str]:
    """Say where the outputs of a cell differ from the stored ones; nowhere is an empty list."""
    stored, computed = list(parts(reference)), list(parts(test))
    stored_names, computed_names = ([name for name, _ in run] for run in (stored, computed))
    if stored_names != computed_names:
        return [f"stored outputs: {stored_names}\noutputs of this run: {computed_names}"]
    return [
        _explain(name, before, now)
        for (name, before), (_, now) in zip(stored, computed, strict=True)
        if not same(before, now)
    ]


def parts(outputs: Sequence[Output]) -> Iterator[tuple[str, str]]:
    """Yield the name and text of everything in a cell's outputs that is compared, in order.

    What goes to stderr is left out, and so are the pixels of an image: their bytes vary with
    fonts and versions. The image's alt text, in its metadata, stands for it.
    """
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            if output["name"] != "stderr":
                yield output["name"], output["text"]
        elif kind == "error":
            yield kind, f"{output['ename']}: {output['evalue']}"
        else:
            for mime, content in sorted(output["data"].items()):
                yield f"{kind} {mime}", "" if mime.startswith("image/") else _text(content)
            yield f"{kind} metadata", _text(output["metadata"])


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    # JSON's "\n" would glue a letter to the number that follows
    return json.dumps(content, sort_keys=True, ensure_ascii=False).replace("\\n", " ")


def _explain(name: str, reference: str, test: str) -> str:
    before, now = reference.splitlines(), test.splitlines()
    if len(before) == len(now):  # leave out the lines that the rule allows to differ
        now = [a if same(a, b) else b for a, b in zip(before, now, strict=True)]
    titles = f"{name}, stored", f"{name}, this run"
    return "\n".join(difflib.unified_diff(before, now, *titles, n=0, lineterm=""))
