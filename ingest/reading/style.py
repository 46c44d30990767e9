"""Whether style declarations let an element be seen: sizes, places, clips, transparency, and colours that are alike."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

Declarations = Mapping[str, str]
"""Property → value, in lower case, without comments, escapes, `!important`, and spaces that mean nothing."""

_LONGEST = 4_000
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?|\\(.)", re.IGNORECASE)
_IMPORTANT = re.compile(r"\s*!\s*important\s*$")
_IDLE_SPACE = re.compile(r"\s*([,()/])\s*")
_LENGTH = re.compile(r"(-?\d*\.?\d+)(px|pt|r?em|%|v[wh]|ch|ex|in|cm|mm)?")
_PIXELS = {"pt": 1.33, "em": 16, "rem": 16, "ch": 8, "ex": 8, "vw": 12, "vh": 8, "in": 96, "cm": 38, "mm": 3.8}
_SMALLEST_FONT = 2.0
_NO_SIZE = 1.0
_SIZES = ("height", "width", "max-height", "max-width", "block-size", "inline-size", "max-block-size")
_CUTS = re.compile(r"\b(?:hidden|clip|paint|strict|content)\b")
_PLACES = frozenset(
    "left right top bottom inset inset-inline-start inset-inline-end inset-block-start text-indent margin-left "
    "margin-top margin-inline-start".split()
)
_FAR, _FAR_MARGIN = -500.0, -999.0
_FAINT = 0.05
_NO_FONT = re.compile(r"(?:^|\s)0(?:px|pt|r?em|%)?(?:/|\s)")
_CLIPPED = re.compile(r"rect\(([01])(?:px)?(?:[ ,]\1(?:px)?){3}\)")
_CLIPPED_PATH = re.compile(
    r"inset\((?:(?:50|100)%|[^ ()]+ 100%|0(?:px|%)? 0(?:px|%)? 100%)|(?:circle|ellipse)\(0(?:px|%)?[ )]"
    r"|polygon\((?:0(?:px|%)? 0(?:px|%)?,?)+\)|rect\(0(?:px)? 0(?:px)? 0(?:px)? 0(?:px)?\)"
)
_MOVED = re.compile(
    r"scale[xyz3d]*\((?:[\d.]+[, ]){0,2}0(?:\.0\d*)?[, )]|matrix\(0,0,0,0,|rotate[xy]\(-?(?:90|270)deg\)"
    r"|translate[xy3d]*\((?:[^()]*[, ])?-?(?:\d{4,}px|\d{3,}(?:r?em|v[wh]))"
)
_NO_COLOUR = r"(?:transparent|(?:rgb|hsl)a?\([^()]*[,/ ]0(?:\.0+)?%?\)|#[0-9a-f]{3}0|#[0-9a-f]{6}00)"
_NO_MASK = re.compile(rf"[a-z-]*gradient\((?:(?:to [a-z ]+|[\d.]+(?:deg|turn)),)?(?:{_NO_COLOUR}(?: [\d.]+%)?,?)+\)")
_MOVES = frozenset({"scale", "translate"})
_SUM = re.compile(r"calc\(((?:-(?=.* - ))?[^ ()]+)(?: - [^()]+)?\)")
"""A computed length: one alone, or a negative one of which more is taken."""
_OPERATIONS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_CALCULATED = re.compile(r"calc\(([^%]{1,100})\)")
_TERM = re.compile(r"(\d*\.?\d+)([a-z]*)")
_SEEN_THROUGH = re.compile(r"opacity\((0*\.?\d+%?)\)")

_HEX = re.compile(r"#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_FUNCTION = re.compile(r"(rgb|hsl)a?\(([^()]*)\)")
_NAMED = {
    "white": "ffffff", "black": "000000", "snow": "fffafa", "ivory": "fffff0", "ghostwhite": "f8f8ff",
    "azure": "f0ffff", "whitesmoke": "f5f5f5", "floralwhite": "fffaf0", "mintcream": "f5fffa", "red": "ff0000",
    "green": "008000", "blue": "0000ff", "yellow": "ffff00", "gray": "808080", "grey": "808080",
    "silver": "c0c0c0", "navy": "000080",
}  # fmt: skip
_ALIKE = 24
"""Sum of the differences of red, green and blue at which nobody can tell text from ground."""


class Colour(NamedTuple):
    red: float
    green: float
    blue: float
    alpha: float = 1.0

    @property
    def is_faint(self) -> bool:
        return self.alpha <= _FAINT

    def is_like(self, other: Colour) -> bool:
        return abs(self.red - other.red) + abs(self.green - other.green) + abs(self.blue - other.blue) <= _ALIKE


WHITE = Colour(255, 255, 255)


@lru_cache(maxsize=4_096)
def declarations(style: str) -> Declarations:
    """Reads a `style` attribute, or what stands between the braces of a rule; the last of a property counts."""
    style = _ESCAPE.sub(_unescaped, _COMMENT.sub("", style[:_LONGEST]))
    found: dict[str, str] = {}
    for part in style.lower().split(";"):
        name, colon, value = part.partition(":")
        if colon:
            found[name.strip()] = _IDLE_SPACE.sub(r"\1", " ".join(_IMPORTANT.sub("", value).split()))
    return found


def hides(style: Declarations) -> bool:
    """Whether the declarations keep an element from being seen, whatever is around it."""
    if not style:
        return False
    return (
        removes(style)
        or _is_faint(style.get("opacity", ""))
        or _is_tiny(style)
        or _is_elsewhere(style)
        or _is_cut_away(style)
        or is_behind(style)
        or ((colour := colour_of(style)) is not None and colour.is_faint)
    )


def removes(style: Declarations) -> bool:
    """Whether the element takes no part in the page at all, or is not painted."""
    return (
        style.get("display") == "none"
        or style.get("visibility") in ("hidden", "collapse")
        or style.get("content-visibility") == "hidden"
    )


def is_behind(style: Declarations) -> bool:
    """Whether it lies below what the page paints; a picture may, but nobody writes there to be read."""
    return style.get("z-index", "").startswith("-") and style.get("position") in ("absolute", "fixed", "relative")


def colour_of(style: Declarations) -> Colour | None:
    """The colour of the text, where it is stated; None too where the text is cut out of a picture or gradient."""
    if "text" in style.get("background-clip", "") + style.get("-webkit-background-clip", ""):
        return None
    return colour(style.get("-webkit-text-fill-color") or style.get("color", ""))


def ground_of(style: Declarations) -> str:
    """What is stated of the background; empty when what is behind shows through."""
    stated = style.get("background-color") or style.get("background") or style.get("background-image") or ""
    return "" if stated in ("transparent", "none", "inherit", "initial", "unset") else stated


@lru_cache(maxsize=1_024)
def colour(text: str) -> Colour | None:
    """Reads a colour; None when it is none that we know."""
    if text == "transparent":
        return Colour(0, 0, 0, 0)
    digits = _NAMED.get(text) or (found[1] if (found := _HEX.fullmatch(text)) else "")
    if digits:
        pairs = [one * 2 for one in digits] if len(digits) < 6 else re.findall("..", digits)
        red, green, blue, *alpha = (int(pair, 16) for pair in pairs)
        return Colour(red, green, blue, alpha[0] / 255 if alpha else 1.0)
    function = _FUNCTION.fullmatch(text)
    return _computed(function[1], re.findall(r"[\d.]+%?", function[2])) if function else None


def _computed(kind: str, values: list[str]) -> Colour | None:
    if len(values) < 3:
        return None
    alpha = _share(values[3]) if len(values) > 3 else 1.0
    if kind == "rgb":
        red, green, blue = (_share(value) * 255 if value.endswith("%") else float(value) for value in values[:3])
        return Colour(red, green, blue, alpha)
    import colorsys

    hue, saturation, lightness = float(values[0].rstrip("%")) / 360, _share(values[1]), _share(values[2])
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, saturation)
    return Colour(255 * red, 255 * green, 255 * blue, alpha)


def _share(value: str) -> float:
    return float(value[:-1]) / 100 if value.endswith("%") else float(value)


def _is_faint(opacity: str) -> bool:
    opacity = _CALCULATED.sub(_calculated, opacity)
    return re.fullmatch(r"\d*\.?\d+%?", opacity) is not None and _share(opacity) <= _FAINT


def _is_tiny(style: Declarations) -> bool:
    font = _pixels(style.get("font-size", ""))
    if (font is not None and font < _SMALLEST_FONT) or _NO_FONT.search(style.get("font", "")):
        return True
    if _is_faint(style.get("zoom", "")):
        return True
    if not _CUTS.search(f"{style.get('overflow', '')} {style.get('overflow-y', '')} {style.get('contain', '')}"):
        return False
    sizes = (_pixels(style.get(name, "")) for name in _SIZES)
    return any(size is not None and size <= _NO_SIZE for size in sizes)


def _is_elsewhere(style: Declarations) -> bool:
    for name in _PLACES & style.keys():
        limit = _FAR_MARGIN if name.startswith("margin") else _FAR
        lengths = style[name].split() if name == "inset" else (style[name],)
        if any((place := _pixels(length)) is not None and place <= limit for length in lengths):
            return True
    moves = " ".join([style.get("transform", ""), *(f"{name}({style[name]})" for name in _MOVES & style.keys())])
    return _MOVED.search(moves) is not None


def _is_cut_away(style: Declarations) -> bool:
    seen_through = _SEEN_THROUGH.search(style.get("filter", ""))
    masks = (style.get(name, "") for name in ("mask", "mask-image", "-webkit-mask", "-webkit-mask-image"))
    return any(map(_NO_MASK.match, masks)) or (
        _CLIPPED.fullmatch(style.get("clip", "")) is not None
        or _CLIPPED_PATH.match(style.get("clip-path", "")) is not None
        or (seen_through is not None and _is_faint(seen_through[1]))
    )


def _pixels(length: str) -> float | None:
    found = _LENGTH.fullmatch(_SUM.sub(r"\1", _CALCULATED.sub(_calculated, length)))
    if found is None:
        return None
    if found[2] == "%":  # of a font size; of a place or a box it says little
        return float(found[1]) * 0.16
    return float(found[1]) * _PIXELS.get(found[2] or "px", 1)


def _calculated(found: re.Match[str]) -> str:
    """What `calc()` comes to in pixels; as it stands where that depends on the page around."""
    text = _TERM.sub(lambda term: str(float(term[1]) * _PIXELS.get(term[2] or "px", 1)), found[1])
    try:
        value = _worth(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError):
        return found[0]
    return f"{value:.4f}"


def _worth(node: ast.expr) -> float:
    """The value of sums and products of numbers.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, float):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_worth(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        return _OPERATIONS[type(node.op)](_worth(node.left), _worth(node.right))
    raise ValueError(f"{ast.dump(node)} is no sum or product.")


def _unescaped(escape: re.Match[str]) -> str:
    if escape[2]:
        return escape[2]
    number = int(escape[1], 16)
    return chr(number) if 0 < number < 0x110000 else ""
