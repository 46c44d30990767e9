"""Rewords a sentence lightly without changing what it says, by rule.

Common words for their synonyms, adjectives and adverbs left out, a clause left out, the opening phrase put last, the
active voice turned passive, numbers in another form. Clauses that deny something are left in.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable


def table(pairs: str) -> dict[str, str]:
    """`old>new|old>new` as a dictionary."""
    return dict(pair.split(">") for pair in pairs.split("|"))


_EN_SYNONYMS = table(
    "began>started|started>began|large>big|many>numerous|often>frequently|important>significant|used>utilized|"
    "including>such as|however>nevertheless|because>since|also>additionally|several>various|about>around|"
    "became>turned into|created>made|built>constructed|located>situated|major>main|primarily>mainly|"
    "usually>generally|died>passed away|received>got|showed>demonstrated|showing>demonstrating|large-scale>extensive|"
    "while>whereas|significant>considerable|different>distinct|approximately>roughly|known>recognized|"
    "established>founded|founded>established|said>stated|called>named|helped>assisted|requires>needs|led>headed|"
    "wrote>authored|ended>finished|caused>brought about|grew>expanded|moved>relocated|allowed>permitted|"
    "allows>permits|made>produced|result>outcome|area>region|entire>whole|rapidly>quickly|obtained>acquired|"
    "purchased>bought|argued>contended|believed>thought|developed>worked out|war>conflict|almost>nearly|"
    "common>widespread|various>diverse|major>key|additional>further|despite>in spite of|throughout>all through|"
    "attempted>tried|country>nation|areas>regions|children>kids|films>movies|film>movie|completed>finished|"
    "chosen>selected|main>chief|people>persons|therefore>thus|currently>presently|increasingly>more and more|so>thus"
)
_ZH_SYNONYMS = table(
    "但是>然而|因为>由于|由于>因为|使用>采用|许多>很多|重要>关键|开始>起初|非常>十分|获得>取得|表示>指出|建立>创建|"
    "位于>坐落于|包括>包含|大约>约|成为>变成|提供>给予|帮助>协助|目前>现在|以及>和|因此>所以|通过>经由|显示>表明|"
    "增加>增长|减少>降低|能够>可以|最终>最后|通常>一般|之后>以后|导致>造成|巨大>庞大|主要>首要|进行>展开|认为>觉得|"
    "被称为>被叫做|一些>若干|不同>各异|迅速>快速|特别>尤其|发展>演进|产生>形成|需要>须要|例如>比如|随后>接着|"
    "此外>另外|然而>不过|曾>曾经|并且>而且|如果>假如|可能>也许|拥有>具有|其他>别的|人们>大家|得到>获得|发现>找到"
)
_DROPPED = re.compile(
    r"\b(?:very|highly|quite|extremely|relatively|especially|particularly|also|then|still|even|often|generally|usually"
    r"|eventually|originally|primarily|mainly|notably|significantly|widely|heavily|newly|large|famous|important|notable)\s",
)  # fmt: skip
_ZH_DROPPED = re.compile(r"(?:非常|十分|极其|特别|尤其|也|还|曾经|已经|仍然|主要|著名的|重要的|巨大的|一些|其中，)")
_FORMS = {"two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "ten": "10"}
_ZH_FORMS = table("三个>3个|两个>2个|四个>4个|五个>5个|三名>3名|两名>2名|三次>3次|四次>4次|五次>5次")


def reworded(sentence: str, language: str, rng: random.Random) -> str | None:
    """The sentence in other words: two of the ways, drawn in turn until two have changed it; None when none does."""
    zh = language == "zh"
    steps: list[Callable[[str, random.Random], str]] = (
        [_zh_synonyms, _zh_drop, _zh_shorten, _zh_front, _zh_forms] if zh
        else [_en_synonyms, _en_drop, _en_shorten, _en_front, _en_voice, _en_forms]
    )  # fmt: skip
    rng.shuffle(steps)
    text, changed = sentence, 0
    for step in steps:
        new = step(text, rng)
        changed += new != text
        text = new
        if changed == 2:
            break
    return text if changed and len(text) >= 12 else None


def _en_synonyms(text: str, rng: random.Random) -> str:
    found = [match for match in re.finditer(r"\b[a-z\-]+\b", text) if match.group() in _EN_SYNONYMS]
    for match in (
        reversed(rng.sample(found, min(3, len(found))))
        if len(found) < 2
        else sorted(rng.sample(found, min(3, len(found))), key=lambda one: -one.start())
    ):
        text = _put(text, match.span(), _EN_SYNONYMS[match.group()])
    return text


def _en_drop(text: str, rng: random.Random) -> str:
    return _DROPPED.sub("", text, count=2)


def _en_shorten(text: str, rng: random.Random) -> str:
    match = re.search(r",? (?:which|who|where|although|while|whereas|because) [^,.\d]*(?=[.,])", text[20:])
    if match and not re.search(r"\b(?:not|never|no|n't)\b", match.group()):
        return text[: 20 + match.start()] + text[20 + match.end() :].lstrip(",")
    cut = re.match(r"(.{40,}?), (?:and|with|including|such as) [^.]*\.$", text)
    return cut.group(1) + "." if cut else text


def _en_front(text: str, rng: random.Random) -> str:
    match = re.match(r"((?:In|On|During|By|After|Before|At) [^,]{3,30}), (\w[^;:]*)\.$", text)
    if not match:
        return text
    opening, rest = match.groups()
    return f"{rest[0].upper()}{rest[1:]} {opening[0].lower()}{opening[1:]}."


def _en_voice(text: str, rng: random.Random) -> str:
    match = re.match(
        r"((?:The |A )?(?:[A-Z][\w']+ ?){1,4})(founded|defeated|designed|discovered|proposed|created|wrote|built"
        r"|established"
        r"|introduced|invented|published|produced|developed|replaced) ((?:the |a |an )?[^,.;]{3,60})\.$", text
    )  # fmt: skip
    if not match:
        return text
    subject, verb, thing = (part.strip() for part in match.groups())
    done = {"wrote": "written"}.get(verb, verb)
    doer = subject[0].lower() + subject[1:] if subject.startswith("The ") else subject
    return f"{thing[0].upper()}{thing[1:]} was {done} by {doer}."


def _en_forms(text: str, rng: random.Random) -> str:
    text = re.sub(r"(?<=\d)%", " percent", text)
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"\b([A-Z][a-z]{2,8}) (\d{1,2}), (\d{4})\b", r"\2 \1 \3", text)
    text = text.replace("United States", "U.S.").replace("European Union", "EU").replace("United Kingdom", "UK")
    return re.sub(r"\b(" + "|".join(_FORMS) + r")\b(?= [a-z])", lambda match: _FORMS[match.group()], text)


def _zh_synonyms(text: str, rng: random.Random) -> str:
    found = [old for old in _ZH_SYNONYMS if old in text]
    for old in rng.sample(found, min(3, len(found))):
        text = text.replace(old, _ZH_SYNONYMS[old], 1)
    return text


def _zh_drop(text: str, rng: random.Random) -> str:
    return _ZH_DROPPED.sub("", text, count=2)


def _zh_shorten(text: str, rng: random.Random) -> str:
    clauses = text.rstrip("。").split("，")
    if len(clauses) < 3 or any(word in clauses[-1] for word in "不没未无"):
        return text
    return "，".join(clauses[:-1]) + "。"


def _zh_front(text: str, rng: random.Random) -> str:
    match = re.match(r"(在?[^，。]{2,12}[年月日期间时中后])，([^，。]{8,})。$", text)
    return f"{match.group(2)}，{match.group(1)}。" if match else text


def _zh_forms(text: str, rng: random.Random) -> str:
    for old, new in _ZH_FORMS.items():
        text = text.replace(old, new)
    return text


def _put(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]
