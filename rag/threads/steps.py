"""What an agent did, as it is kept with its turn: bounded, since what it read may be as long as whole pages."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from rag.events import Step
from rag.text.characters import whole_characters

_LONGEST_STEP = 8_000
_LONGEST_TURN = 64_000
_CUT = " …"


def kept_steps(steps: Sequence[Step]) -> bytes | None:
    """Steps as a column holds them, long ones cut, later ones more when there is much; None when there are none."""
    left, rows = _LONGEST_TURN, []
    for step in steps:
        longest = min(left, _LONGEST_STEP)
        told = replace(step, input=_shortened(step.input, longest), output=_shortened(step.output, longest))
        rows.append(asdict(told))
        left = max(0, left - len(_json(rows[-1])))
    return zlib.compress(_json(rows).encode()) if rows else None


def steps_from(column: bytes | None) -> tuple[Step, ...]:
    """The steps in a column. What is no number in JSON (NaN) comes back as its name."""
    rows = json.loads(zlib.decompress(column), parse_constant=str) if column else ()
    return tuple(Step(**row) for row in rows)


def _shortened(value: Any, longest: int) -> Any:
    text = value if isinstance(value, str) else _json(value)
    return value if value is None or len(text) <= longest else text[:longest] + _CUT


def _json(value: Any) -> str:
    return whole_characters(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))
