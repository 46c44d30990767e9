"""Which language a text is in, told from its script and its commonest words. No model, a few dozen microseconds."""

from __future__ import annotations

import re
from collections import Counter

UNDETERMINED = "und"
_READ = 4_000
_WORD = re.compile(r"[^\W\d_]+")
_HAN_RANGES = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_HANGUL_RANGES = "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff"
CJK_RANGES = f"{_HAN_RANGES}{_HANGUL_RANGES}\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"
"""The inside of a regular-expression class: Chinese characters, kana and hangul, which are written without spaces or
(Korean) inflected so richly that characters and bigrams serve better than words."""

_CJK = re.compile(f"[{CJK_RANGES}]")
_FIRST_CJK = "\u1100"
_HAN = re.compile(f"[{_HAN_RANGES}]")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d]")
_HANGUL = re.compile(f"[{_HANGUL_RANGES}]")

# A character or two of CJK says about as much as a word; below this share of a text it is a quotation in it.
_CJK_SHARE = 0.2
_KANA_SHARE = 0.15

# First match wins, so the narrower alphabets of a script stand before the language most often written in it.
_SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("fa", re.compile("[پچژگ]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("uk", re.compile("[іїєґІЇЄҐ]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("hi", re.compile("[\u0900-\u097f]")),
)

_FOREIGN = re.compile("[\u0370-\u0e7f]")  # Greek to Thai: every alphabet named above

_COMMON_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the a of and to in is as no so that for it with was on are by this be from at or an which have not but "
        "what how who when where why does do did can has were their its i you he she they we my your there these will "
        "would should could been than between into about after before if also",
        "de": "der die und das ist nicht ein eine zu den mit von auf für im dem sich des auch als wie was wer wo wann "
        "warum werden wird sind oder aus bei nach wenn kann hat haben war über einen einer zum zur noch durch man",
        "fr": "le la les de des et est un une du en que qui dans pour pas sur au avec ce il elle sont par plus ne se "
        "quoi comment où quand pourquoi quel quelle nous vous je être avoir cette ces aux ou mais leur son ses",
        "es": "el la los las de y que en un una es por con para del se no al lo como más pero sus le ya este esta qué "
        "cómo dónde cuándo quién cuál son fue ha muy también sin sobre entre desde hay nos su",
        "it": "il lo la gli le di e che un una è per con del della non si in sono da al come più ma dei nel alla cosa "
        "chi dove quando perché quale questo questa anche ha essere delle degli sul",
        "pt": "o a os as de e que em um uma é para com do da não se por no na mais como dos das ao foi são ou seu sua "
        "onde quando quem qual porque também isso este esta pelo pela nos ser tem",
        "nl": "de het een en van is dat in op te voor met niet zijn aan er om ook als maar dan bij wat wie waar hoe "
        "wordt naar uit door over heeft deze dit worden kan nog",
        "sv": "och att det som en är på för med av den till inte har om ett vad hur när var från eller kan vid så",
        "pl": "i w na z do się nie to jest że jak co o od po dla przez są ale czy być który która oraz tym jego",
        "tr": "ve bir bu için ile de da ne nasıl olarak daha çok var gibi olan en mi kadar sonra ama değil",
    }.items()
}


def is_cjk(character: str) -> bool:
    """Whether `character` is Chinese, kana or hangul."""
    return _CJK.match(character) is not None


def has_cjk(text: str) -> bool:
    """Whether any character of `text` is Chinese, kana or hangul."""
    return not text.isascii() and _CJK.search(text) is not None


def detect_language(text: str) -> str:
    """Returns the ISO 639-1 code of the language of `text`, or `und` when it cannot be told.

    Reads the first 4,000 characters at most. Latin text without a single common word (a name, a command) is `und`.
    """
    text = text[:_READ]
    words = _WORD.findall(text.lower())
    if not text.isascii():
        words = [word for word in words if word[0] < _FIRST_CJK or not is_cjk(word[0])]
        language = _language_by_script(text, len(words))
        if language:
            return language
    return _language_by_words(words)


def _language_by_script(text: str, words: int) -> str | None:
    han, kana, hangul = (len(script.findall(text)) for script in (_HAN, _KANA, _HANGUL))
    cjk_words = (han + kana + hangul) / 2
    if cjk_words and cjk_words >= _CJK_SHARE * (cjk_words + words):
        if hangul > han + kana:
            return "ko"
        return "ja" if kana > _KANA_SHARE * (han + kana) else "zh"
    foreign = len(_FOREIGN.findall(text))
    if not foreign or foreign * 2 <= sum(map(str.isalpha, text)):
        return None
    return next((language for language, script in _SCRIPTS if script.search(text)), None)


def _language_by_words(words: list[str]) -> str:
    if not words:
        return UNDETERMINED
    counts = Counter(words)
    votes = {
        language: sum(counts[word] for word in common & counts.keys()) for language, common in _COMMON_WORDS.items()
    }
    best = max(votes, key=lambda language: votes[language])
    return best if votes[best] else UNDETERMINED
