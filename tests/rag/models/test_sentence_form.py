"""A question for an explanation prefers the sentence that explains over remarks, captions and references."""

from __future__ import annotations

import pytest

from rag.models.candidates import Candidate, candidates
from rag.models.question import Question
from rag.models.sentence_choice import rank
from rag.models.sentence_form import FORM_FEATURES, form_features, is_label
from tests.fakes import make_document

SUBJECT = "What is prompt tuning?"


def features(question: str, text: str, section: str = "Overview", nth: int = 0) -> dict[str, float]:
    candidate = Candidate(make_document(text, section=(section,)), 0, nth, text, nth=nth)
    return dict(zip(FORM_FEATURES, form_features(Question(question), candidate), strict=True))


@pytest.mark.parametrize(
    ("question", "better", "worse"),
    [
        (SUBJECT, "Prompt tuning is a way to adapt a frozen model.", "Prompt tuning works better than prefix tuning."),
        (SUBJECT, "Prompt tuning (Lester et al. 2021) adds tokens.", "Prompt tuning adds tokens."),
        (SUBJECT, "Prompt tuning refers to training the tokens.", "Guided prompt tuning refers to training twice."),
        (SUBJECT, "Learning such tokens is called prompt tuning.", "Learning such tokens takes prompt tuning a day."),
        ("What are collocations?", "Collocations are words that co-occur.", "Collocations may be scored."),
        ("什么是思维链？", "思维链是一种提示方法。", "思维链没有什么坏处。"),
        ("什么是思维链？", "这种方法称为思维链。", "这种方法比思维链慢得多。"),
    ],
)
def test_a_definition_says_what_the_subject_is(question: str, better: str, worse: str) -> None:
    assert features(question, better)["defines"] > features(question, worse)["defines"]


def test_what_opens_with_the_subject_is_about_it() -> None:
    assert features(SUBJECT, "Prompt tuning needs a large model.")["opens"] == 1.0
    assert features(SUBJECT, "A large model of many layers needs prompt tuning.")["opens"] < 1.0


def test_the_first_sentence_under_the_subjects_heading_introduces_it() -> None:
    """Less so the second one, and one under a heading of something narrower."""
    text = "It trains the tokens that stand in front of the input."
    first = features(SUBJECT, text, "2. Prompt tuning")["introduces"]
    assert first == 1.0
    assert 0.0 < features(SUBJECT, text, "Prompt tuning", nth=1)["introduces"] < first
    assert 0.0 < features(SUBJECT, text, "Prompt tuning of small models")["introduces"] < first
    assert features(SUBJECT, text, "Overview")["introduces"] == 0.0


@pytest.mark.parametrize(
    ("question", "better", "worse"),
    [
        ("How do I remove a page?", "Run footnote sources remove URL.", "A page is removed for ever."),
        ("How do I remove a page?", "To remove a page, name its URL.", "Removal of a page is logged."),
        ("How does it find pages?", "It finds pages by reading the sitemap.", "It finds many pages."),
        ("怎样移除一个网页？", "运行 footnote sources remove 即可。", "网页不会自己消失。"),
    ],
)
def test_a_question_for_the_way_prefers_instructions_and_means(question: str, better: str, worse: str) -> None:
    assert features(question, better)["instructs"] > features(question, worse)["instructs"]


@pytest.mark.parametrize(
    "text",
    [
        "Illustration of how prompt tuning works.",
        "Fig. 3. Prompt tuning next to model tuning.",
        "Prompt tuning keeps the model frozen. (Image source: Lester et al. 2021)",
        "The architecture of prompt tuning.",
        "Comparison of prompt tuning and model tuning side by side, where the changes are highlighted in green.",
        "(Right) Comparing prompt tuning with model tuning.",
        "How prompt tuning works.",
        "“The power of scale for prompt tuning.”",
    ],
)
def test_captions_and_titles_are_labels(text: str) -> None:
    assert is_label(Candidate(make_document(text), 0, 0, text))
    assert features(SUBJECT, text)["aside"] == 1.0


def test_entries_under_references_are_labels_and_statements_are_not() -> None:
    text = "Prompt tuning is a way to adapt a frozen model."
    assert is_label(Candidate(make_document(text, section=("References",)), 0, 0, text))
    assert is_label(Candidate(make_document(text, section=("参考资料：",)), 0, 0, text))
    assert not is_label(Candidate(make_document(text, section=("Prompt tuning",)), 0, 0, text))
    text = "The results of prompt tuning show that it is robust."
    assert not is_label(Candidate(make_document(text), 0, 0, text))


@pytest.mark.parametrize(
    "text",
    [
        "We will look at prompt tuning in the next section.",
        "This is why prompt tuning is popular.",
        "However, prompt tuning is slow.",
        "Let’s see how prompt tuning does.",
    ],
)
def test_what_points_elsewhere_or_hangs_on_the_sentence_before_is_aside(text: str) -> None:
    assert 0.0 < features(SUBJECT, text)["aside"] <= 1.0


def test_questions_for_facts_are_left_alone() -> None:
    """Any form of sentence may hold a name or a date; a caption is still no answer."""
    assert set(features("Who proposed prompt tuning?", "This was proposed by Lester.").values()) == {0.0}
    assert features("Who proposed prompt tuning?", "Figure 1: Lester (Image source: his page).")["aside"] == 1.0
    assert features("How many tokens has prompt tuning?", "A diagram of prompt tuning.")["aside"] == 1.0
    assert features("When did it appear?", "The results of prompt tuning appeared in 2021.")["aside"] == 0.0


def test_the_explaining_sentence_is_ranked_first() -> None:
    """Against a caption and remarks that repeat the words of the question as often."""
    explains = "Prompt tuning is a way to adapt a frozen model with a few learned tokens."
    text = (
        "Illustration of how prompt tuning works. Prompt tuning is less likely to overfit. "
        f"{explains} Why does prompt tuning work so well?"
    )
    ranking = rank(Question(SUBJECT), candidates([make_document(text)]), None)
    assert ranking.candidates[int(ranking.scores.argmax())].text == explains
