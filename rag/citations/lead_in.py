"""Phrases that open a sentence of an answer and say nothing of the matter: `Yes,`, `Note that`, `根据文档，`.

The page does not have them, and they are not held against a claim. What says why or when stays: `therefore`, `finally`.
"""

from __future__ import annotations

import re

_SOURCE = (
    r"(?:the|this|these|your) (?:(?:provided|given|cited|retrieved|available|above) )?"
    r"(?:documents?|documentation|docs|texts?|sources?|articles?|passages?|pages?|context|website|excerpts?|materials?)"
    r"(?: (?:provided|given|above))?"
)
_ENGLISH = (
    r"(?:yes|no|indeed|note|in short|in brief|briefly|in summary|to summari[sz]e|in other words|in particular"
    r"|in addition|additionally|furthermore|moreover|specifically|more precisely|overall|notably|importantly"
    r"|for example|for instance|essentially|that is|that said)\s*[,:]"
    r"|(?:(?:please|also) )?note that\b|(?:keep in mind|remember) that\b"
    r"|it (?:is|should be) (?:worth noting|worth mentioning|important to note|noted) that\b"
    rf"|(?:according to|as (?:described|stated|noted|explained|mentioned|shown|written) (?:in|on|by)|per) {_SOURCE}\s*,"
    rf"|{_SOURCE} (?:also )?(?:says?|states?|notes?|explains?|mentions?|describes?|indicates?|reports?|points? out"
    r"|adds?)(?: that\b|\s*:)"
)
_CHINESE_SOURCE = "(?:文档|文檔|文件|资料|資料|文章|文本|页面|頁面|网页|網頁|原文|材料|来源|來源|文中)"
_CHINESE = (
    "(?:是的|对|對|不|没错|此外|另外|总之|總之|总的来说|总体而言|具体来说|具体而言|具体地说|简而言之|简单来说|简单地说"
    "|换句话说|换言之|也就是说|需要注意的是|需要指出的是|值得注意的是|值得一提的是|请注意|例如|比如|一般来说|事实上|实际上)"
    r"\s*[，,：:]"
    f"|根据(?:所|已|以上|上述|提供的|给出的|给定的|这些|该|本|此)*{_CHINESE_SOURCE}"
    r"(?:显示|所述|中?的?(?:描述|说法|内容|信息|说明|介绍|记载))?\s*[，,]"
    f"|(?:该|这篇|这份|这些|本|上述)?{_CHINESE_SOURCE}[中里]?[还也]?(?:提到|指出|写道|说明|显示|表示|介绍|提及)"
    r"(?:\s*[，,：:]|(?<=提到|指出|写道))"
)
_LEAD_IN = re.compile(rf"\s*(?:(?:{_ENGLISH}|{_CHINESE})\s*)+", re.IGNORECASE)


def without_lead_in(text: str) -> str:
    """`text` from where it begins to speak of the matter; as it is where nothing would be left."""
    found = _LEAD_IN.match(text)
    return text[found.end() :] if found and found.end() < len(text) else text
