"""Bytes to text: which character set a page is really in, whatever its server says."""

from __future__ import annotations

import codecs
import re

_SAMPLE_BYTES = 65_536
_META_BYTES = 4_096
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What browsers read under these names is the larger set (https://encoding.spec.whatwg.org/#names-and-labels).
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
}
_ALIASES = {"x-sjis": "cp932", "x-gbk": "gb18030", "x-euc-jp": "euc_jp", "ks_c_5601-1987": "cp949", "x-x-big5": "big5"}
_ESCAPED = frozenset({"iso2022_jp", "iso2022_jp_2", "iso2022_kr", "hz", "utf-7"})
_DEFAULTS = frozenset({"cp1252", "iso8859-15"})

_DECLARED = re.compile(rb"""charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_META = re.compile(rb"<meta\b[^<>]{0,400}>", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"""^\s*<\?xml[^<>]{0,200}encoding\s*=\s*["']([\w.:-]{1,40})["']""", re.IGNORECASE)
_MARKUP = re.compile(rb"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^<>]*>", re.IGNORECASE | re.DOTALL)
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_CYRILLIC = re.compile("[Ѐ-ӿ—–«»№…“”]")
_COMMON_CYRILLIC = re.compile("[оеаинтсрвл]")
_WESTERN = re.compile("[àâäáãåæçèéêëìíîïñòóôöõøùúûüýÿßœÀÂÄÉÈÊÇÎÔÖÜÅØ’‘“”«»–—…•€°©®·\u00a0]")
_WITHIN_WORD = re.compile(
    "(?<=[a-z])[àâäáãåæçèéêëìíîïñòóôöõøùúûüýÿßœ’…–—]|[ÀÂÄÉÈÊÇÎÔÖÜÅØàâäáãåæçèéêëìíîïñòóôöõøùúûüýÿßœ“«](?=[a-z])"
)
_ASCII_RUN = re.compile(rb"[\x00-\x7f]{40,}")


def decode_page(data: bytes, content_type: str | None = None) -> str:
    """Decodes a page as a careful browser would.

    In order: a byte order mark; UTF-8 when the bytes are valid UTF-8; the set named by the header or by the page
    itself, whichever decodes without an error (a header that says Latin-1, the default of many servers, yields to the
    page); then a guess from the text; at last Windows-1252. Never raises.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace").removeprefix("\ufeff")
    declared = _declared(data, content_type)
    if not (declared and declared[0] in _ESCAPED):
        text = _strict(data, "utf-8")
        if text is not None:
            return text
        if _nearly_utf8(data):
            return data.decode("utf-8", "replace")
    for encoding in declared:
        text = _strict(data, encoding)
        if text is not None:
            return text
    guess = declared[0] if declared else _guess(data)
    return data.decode(guess, "replace")


def _declared(data: bytes, content_type: str | None) -> list[str]:
    """The sets named by header and page, most trusted first, by Python's names."""
    head = data[:_META_BYTES]
    header = _DECLARED.search((content_type or "").encode("ascii", "ignore"))
    xml = _XML_ENCODING.match(head)
    metas = (_DECLARED.search(tag.group()) for tag in _META.finditer(head))
    inside = [match.group(1) for match in (xml, *metas) if match]
    names = [match.group(1) for match in (header,) if match] + inside
    found = [encoding for encoding in map(_python_name, names) if encoding]
    return sorted(dict.fromkeys(found), key=lambda encoding: encoding in _DEFAULTS)


def _python_name(label: bytes) -> str | None:
    name = label.decode("ascii").lower()
    try:
        known = codecs.lookup(_ALIASES.get(name, name)).name
        b"a".decode(known)
    except (LookupError, UnicodeError):  # unknown, or a codec that is not for text, such as "hex"
        return None
    return _WIDER.get(known, known)


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeError:
        return None


def _nearly_utf8(data: bytes) -> bool:
    """Whether all but a few of the non-ASCII characters are valid UTF-8: one cut character spoils no page."""
    text = data[: 4 * _SAMPLE_BYTES].decode("utf-8", "replace")
    broken = text.count("\ufffd")
    return broken * 20 < _foreign(text)


def _guess(data: bytes) -> str:
    """The likeliest set of bytes that nobody labelled, told by their text without the markup.

    charset-normalizer takes Western European pages for Polish, some Russian ones for Japanese and short Japanese ones
    for nothing at all, so these are tried first, by signs that other texts hardly show.
    """
    from charset_normalizer import from_bytes

    sample = _ASCII_RUN.sub(b" ", _MARKUP.sub(b" ", data[: 4 * _SAMPLE_BYTES]))[:_SAMPLE_BYTES]
    for encoding in ("cp932", "euc_jp"):
        text = sample.decode(encoding, "replace")
        if 4 * len(_KANA.findall(text)) > _foreign(text) > 20 * text.count("\ufffd"):
            return encoding
    for encoding in ("cp1251", "koi8_r"):
        if _looks_russian(sample.decode(encoding, "replace")):
            return encoding
    if _looks_western(sample.decode("cp1252", "replace")):
        return "cp1252"
    best = from_bytes(sample, steps=5, chunk_size=512, cp_exclusion=["utf_7"]).best()
    return (_python_name(best.encoding.encode()) if best else None) or "cp1252"


def _looks_russian(text: str) -> bool:
    """Whether it is made of Cyrillic letters, the common ones common, and more small ones than capitals."""
    common, foreign = len(_COMMON_CYRILLIC.findall(text)), _foreign(text)
    return common > 0.45 * foreign and len(_CYRILLIC.findall(text)) > 0.9 * foreign


def _looks_western(text: str) -> bool:
    """Whether accented letters stand within words of plain ones, as in French or German and unlike in Russian."""
    letters, foreign = len(_WESTERN.findall(text)), _foreign(text)
    return letters > 0.9 * foreign and len(_WITHIN_WORD.findall(text)) > 0.6 * letters


def _foreign(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))
