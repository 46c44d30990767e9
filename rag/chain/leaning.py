"""Rewriting without a model: a question that leans on the conversation gets the subject of what was asked before.

Honest by construction: nothing is added but words that were asked or answered before, and a question that stands on
its own is left alone. "How do I use them?" after "What are the new commands in version 6.15?" becomes "How do I use
them? (new commands, version 6.15)".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.citations.markers import without_markers
from rag.text.language import has_cjk
from rag.text.tokens import content_terms

_LONGEST_SUBJECT = 8
_FRAGMENT_TERMS = 2
_CHINESE_FRAGMENT = 4
_CHINESE_FRAGMENT_OF_HOW = 3
_NAMED_ALREADY = 3

# Words that stand for something said before. "it" and "that" also do other work, which `_EMPTY_PRONOUN` takes out.
_PRONOUN = re.compile(
    r"\b(?:it|its|itself|they|them|their|theirs|themselves|he|him|his|she|her|hers|this|that|these|those|such|"
    r"both|former|latter|there|ones?(?=\s*(?:[?.!,]|$)))(?!\w)",
    re.IGNORECASE,
)
_EMPTY_PRONOUN = re.compile(
    r"\b(?:(?:is|was|does|did|will|would|can|could|should|might|may) it (?:possible|necessary|true|safe|legal|worth|"
    r"important|better|common|normal|ok|okay|hard|difficult|easy)|"
    r"(?:does|did|will|would|can|could) it (?:\w+ )?(?:rain|snow|freeze)|(?:is|was) it (?:raining|snowing|freezing)|"
    r"what (?:time|day|date|month|year|season) (?:is|was) it|it(?:'s| is) (?:possible|"
    r"necessary|true|better|important)|how long does it take to|(?:is|are|was|were|will|would|can|do|does) there|"
    r"there (?:is|are|was|were|a|an|any|be)|this (?:year|month|week|morning|time|day)|"
    r"(?<=\w )that (?:is|are|was|were|can|has|have|had|will|would|the|a|an|i|you|we|they|he|she|it)|one of|such as|"
    r"(?<=\w )is that|"
    r"(?:so|or|and|say|said|means?|know|knows|think|believe|wonder|sure|told|see) that)\b",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"^\W*(?:(?:and|but|or|so|then|also|ok|okay|well|btw|by the way|no|yes|thanks|thank you)\b[\s,.!]+)*"
    r"(?:(?:(?:sorry|oops|wait|actually)[\s,.!]+)*i (?:mean|meant|was (?:asking|talking) about)\b|"
    r"(?:what|how) about\b|and\b|but\b|or\b|also\b|why(?: not| so)?\s*\?|how(?: so| come)?\s*\?|"
    r"why so\b|when\s*\?|where\s*\?|who\s*\?|which (?:one|ones)\b|"
    r"(?:any|are there|is there)(?: any)? (?:other|more|another)\b|"
    r"what else\b|(?:tell|give|show) me more\b|more (?:details?|info|information|about)\b|"
    r"for example|such as|"
    r"(?:(?:can|could) you )?(?:please )?(?:(?:give|show)(?: me| us)? (?:an?|some|any) examples?|elaborate|"
    r"(?:explain|say) more)\b|(?:no|yes)\b,)",
    re.IGNORECASE,
)
_COMPARING = re.compile(
    r"\b(?:another|else|others?|the same|instead|as well|again|previous(?:ly)?|above|mentioned)\b", re.I
)
_CHINESE_PRONOUN = re.compile(
    "它们?|他们?|她们?|这个|那个|这些|那些|这种|那种|这里|那里|这样|那样|此外|该(?:方法|模型|公司|功能|问题|系统|国|人|书|项)|其(?:他|它|中|余)?|"
    "前者|后者|上面|上述|刚才|之前说|另一个|还有(?:什么|哪|别|其)"
)
_CHINESE_OPENING = re.compile(
    "^(?:(?:(?:不对|不是|错了|抱歉|对不起)[，,。\\s]*)?我(?:问的?是|指的?是|是问|是说|说的?是|的意思是)|那么?|那|而|还有|另外|然后|为什么呢?|怎么样|怎么办|呢|再|(?:能|可以|能不能|请)?(?:再?举|给)(?:一?个|些)?例)|呢[？?]?$"
)
_OTHER_TOPIC = re.compile(
    r"\b(?:new|different|other|another|change (?:of|the)|switch(?:ing)?(?: the)?) (?:topic|subject)s?\b|"
    r"\blet(?:'s| us) (?:talk|speak) about\b.*\binstead\b|\bmoving on\b|换(?:个|一个)话题|(?:说|聊)点别的",
    re.IGNORECASE,
)
_CHINESE_MODAL = re.compile("^(?:会不会|能不能|可不可以|需不需要|需要|可以|应该|会(?![话议员计])|能|要)")
_CHINESE_HOW = re.compile("^(?:请问)?(?:如何|怎么|怎样)")
# Words of courtesy ask nothing; what comes after them may.
_COURTESY = re.compile(
    r"^\W*(?:(?:(?:that|this|it)(?:'s| is| was) (?:(?:very|really|so|quite) )?"
    r"(?:helpful|useful|great|good|nice|perfect|clear|all|it|enough)(?=\s*(?:[,.!…]|$))|"
    r"(?:hi|hello|hey) (?:there|again|everyone)|good (?:morning|afternoon|evening|night|day)|"
    r"how (?:are you|do you do|is it going)(?: doing)?(?: today)?(?=\W*$)|"
    r"you(?:'re| are) welcome|no problem|well done|"
    r"thanks?(?: you)?(?: (?:a lot|so much|very much))?|thx|hi|hello|hey|ok(?:ay)?|got it|i see|(?:good)?bye|"
    r"(?:great|good|nice|perfect|cool|sure|cheers)(?=\s*(?:[,.!…]|$)))\b[\s,.!…~]*|"
    r"(?:非常感谢|谢谢(?:你|您|啦|了)?|多谢|你好|您好|好的?|明白了?|知道了?|嗯+|行|再见|原来如此|(?:原来)?(?:是)?这样啊?|了解了?|懂了|早上好|晚上好|辛苦了|太好了)(?=[\s，。！,.!~～]|$)[\s，。！,.!~～]*)+",
    re.IGNORECASE,
)
_CHINESE_DEFINITION = re.compile("什么是|什么叫|是什么|是谁|指什么|什么意思")
_CHINESE_FRAME = re.compile(
    "请问|请|告诉我|介绍一?下?|解释一?下?|说明一?下?|什么是|是什么(?:意思)?|什么样的?|什么|为什么|为何|怎么样|怎么|怎样|如何|需要多|"
    "哪些|哪个|哪里|哪一个?|哪年|哪|谁|几个|几|多少|多大|多久|多长时间|多长|多快|多高|何时|是否|是不是|能不能|能否|可以|有没有|是|吗|呢|的|了|在|和|与|或|"
    "我|你|这|那|[，。？！、；：,.?!;:\\s“”\"'（）()]+"
)
_WHOLE_QUESTION = re.compile(
    r"(?:what|who|where|when|why|how|which|is|are|was|were|do|does|did|can|could|should|will|would|has|have)\b.*\w.*\w",
    re.IGNORECASE,
)
_FRAME = frozenset(
    "tell explain describe know difference differences different process way ways example examples mean means work "
    "works make makes kind kinds type types thing things want need please help provide procedures procedure find get "
    "got use used using give list show say said speaking currently many much good best better possible like think "
    "understand available people thank thanks btw yes no ok okay sure also recommend going take let happen "
    "happens".split()
)
# What is always that of something: asked for alone, it is that of what was spoken of.
_OF_SOMETHING = frozenset(
    content_terms(
        "alternatives advantages disadvantages benefits drawbacks limitations requirements prerequisites differences "
        "options steps risks features costs price fee size length height weight age version default author founder "
        "owner inventor creator maker members parts causes reasons consequences effects results symptoms side purpose "
        "main goal name meaning origin history location address rules exceptions conditions deadline duration release "
        "date choose pick recommend born die live founded made created written published happen called"
    )
)
_INDEFINITE = re.compile(r"\ban?\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:[-'’./][^\W_]+)*")


def rewritten_by_rules(question: str, history: Sequence[BaseMessage]) -> str:
    """The question with the subject of the conversation put in, or the same question when it leans on nothing."""
    if not leans(question):
        return question
    subject = carried_subject(question, [message.text for message in history if isinstance(message, HumanMessage)])
    if not subject:
        return question
    mark = "（{}）" if has_cjk(question) else " ({})"
    return question.rstrip() + mark.format(subject)


def leans(question: str) -> bool:
    """Whether a question points at something outside it: a pronoun, an opening such as "and in 2019?", a fragment.

    "Thanks!" does not, and what is asked after it is read without it.
    """
    question = without_courtesy(question)
    if not question or _OTHER_TOPIC.search(question):
        return False
    if has_cjk(question):
        return bool(
            _CHINESE_PRONOUN.search(question)
            or _CHINESE_OPENING.search(question.strip())
            or _is_chinese_fragment(question)
        )
    plain = _EMPTY_PRONOUN.sub(" ", question)
    return bool(
        _OPENING.match(question) or _points_outside(plain) or _COMPARING.search(plain) or _is_fragment(question)
    )


def without_courtesy(question: str) -> str:
    """The question without the thanks and greetings before it; empty when it is nothing else."""
    asked = question.strip()
    rest = _COURTESY.sub("", asked, count=1).strip()
    return rest if rest == asked or _WORD.search(rest) else ""


def _is_chinese_fragment(question: str) -> bool:
    """One short word and what is asked of it ("默认值是多少？"), unless it is the word that is asked for."""
    phrases = list(_phrases(_CHINESE_MODAL.sub("", question.strip())))
    most = _CHINESE_FRAGMENT_OF_HOW if _CHINESE_HOW.match(question.strip()) else _CHINESE_FRAGMENT
    short = len(phrases) <= 1 and sum(map(len, phrases)) <= most
    return short and not _CHINESE_DEFINITION.search(question)


def _points_outside(question: str) -> bool:
    """A pronoun before much was named; "How do I train a police dog and what does it cost?" explains its own."""
    pronoun = _PRONOUN.search(question)
    return pronoun is not None and len(set(content_terms(question[: pronoun.start()]))) < _NAMED_ALREADY


def _is_fragment(question: str) -> bool:
    """Two words that are no whole question ("Mortgage scams", "And fees?"); "What is Chroma?" is one.

    "What are the alternatives?" is whole, but names only what is that of something else.
    """
    terms = {term for term in content_terms(question) if term not in _FRAME}
    if terms and terms <= _OF_SOMETHING and not _INDEFINITE.search(question):
        return True
    return len(terms) <= _FRAGMENT_TERMS and not (terms and _WHOLE_QUESTION.match(question.strip()))


def carried_subject(question: str, earlier: Sequence[str]) -> str:
    """What the conversation is about: the phrases of the latest question that stood on its own, newest first.

    Questions between it and this one leaned on it too, so theirs come with it. At most eight words in all.
    """
    present = set(content_terms(question))
    phrases: list[str] = []
    words = 0
    for asked in map(without_courtesy, reversed(earlier)):
        if has_cjk(asked) != has_cjk(question):
            continue
        for phrase in _phrases(asked):
            length = len(phrase) / 2 if has_cjk(phrase) else len(phrase.split())
            new = set(content_terms(phrase)) - present
            if new and words + length <= _LONGEST_SUBJECT:
                phrases.append(phrase)
                present |= new
                words += int(length)
        if not leans(asked) and phrases:
            break
    return ("、" if has_cjk("".join(phrases)) else ", ").join(phrases)


def _phrases(text: str) -> Iterator[str]:
    """The runs of words with a meaning of their own, between the words of grammar and of asking."""
    if has_cjk(text):
        yield from (part for part in _CHINESE_FRAME.split(text) if len(part) > 1)
        return
    run: list[str] = []
    for word in [*_WORD.findall(text), ""]:
        if word and content_terms(word) and word.lower() not in _FRAME:
            run.append(word)
        elif run:
            yield " ".join(run)
            run = []


def recent_context(question: str, history: Sequence[BaseMessage]) -> str:
    """The question with the beginning of the last answer: a further phrasing that remembers what was cited before."""
    answers = [message.text for message in history if isinstance(message, AIMessage)]
    if not answers:
        return ""
    lead = without_markers(answers[-1])
    words = lead[:60] if has_cjk(lead) else " ".join(lead.split()[:25])
    return f"{question} {words}"
