from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.chain.leaning import leans, recent_context, rewritten_by_rules


def asked(*questions: str) -> list[BaseMessage]:
    return [message for question in questions for message in (HumanMessage(question), AIMessage("An answer [1]."))]


@pytest.mark.parametrize(
    ("earlier", "question", "rewritten"),
    [
        (["What is Chroma?"], "How does it store vectors?", "How does it store vectors? (Chroma)"),
        (["What is the capital of France?"], "What about Spain?", "What about Spain? (capital, France)"),
        (["How do I index a site?"], "Why?", "Why? (index, site)"),
        (["What are mutual funds?"], "And fees", "And fees (mutual funds)"),
        (["What is Chroma?", "Is it fast?"], "Who made it?", "Who made it? (fast, Chroma)"),
        (["什么是思维链？"], "它有什么优点？", "它有什么优点？（思维链）"),
        (["北京的人口是多少？"], "上海呢？", "上海呢？（北京、人口）"),
        (["如何设置检索数量？"], "默认值是多少？", "默认值是多少？（设置检索数量）"),
        (["Who wrote Emma?"], "Sorry, I meant the film", "Sorry, I meant the film (wrote Emma)"),
        (["Who wrote Emma?"], "No, I mean who printed it", "No, I mean who printed it (wrote Emma)"),
        (["How do I install Debian?"], "What are the alternatives?", "What are the alternatives? (install Debian)"),
        (["Who opened the museum?"], "Where was the founder born?", "Where was the founder born? (opened, museum)"),
        (["北京的人口是多少？"], "不对，我问的是上海", "不对，我问的是上海（北京、人口）"),
        (["Footnote 怎样抓取网页？"], "那需要多长时间？", "那需要多长时间？（Footnote、抓取网页）"),
    ],
)
def test_a_leaning_question_gets_the_subject_of_what_was_asked(
    earlier: list[str], question: str, rewritten: str
) -> None:
    assert rewritten_by_rules(question, asked(*earlier)) == rewritten


@pytest.mark.parametrize(
    "question",
    [
        "How tall is the Eiffel Tower?",
        "What is a customization interface?",
        "Is it possible to deploy Chroma on Kubernetes?",
        "How long does it take to index one hundred thousand pages?",
        "Are there limits on the size of a page?",
        "How do I train a police dog and what does it cost?",
        "Which small European countries say that they recycle plastic bottles?",
        "What does RAG_TOP_K mean?",
        "什么是向量数据库？",
        "引用的判定有哪些？",
        "如何删除已经索引的网页？",
        "2014年世界杯冠军是谁？",
        "thanks",
        "Thank you!",
        "hello",
        "ok, got it.",
        "谢谢！",
        "好的",
        "Thanks! How do I delete a page?",
        "Hi, what is a citation?",
        "谢谢，怎么删除网页？",
        "如何运行测试？",
        "会话是什么？",
        "What time is it in Tokyo?",
        "Does it ever rain in Lima?",
        "Hi there",
        "Good morning!",
        "How are you?",
        "Thank you so much, that was helpful",
        "That's great!",
        "这样啊，明白了",
        "New topic: which river is the longest?",
        "Let's talk about volcanoes instead. Which is the tallest?",
        "换个话题，珠穆朗玛峰有多高？",
        "What is an alternative?",
    ],
)
def test_a_standalone_question_is_left_alone(question: str) -> None:
    assert rewritten_by_rules(question, asked("What is Chroma?", "什么是思维链？")) == question


@pytest.mark.parametrize(
    "question",
    [
        "Is that fast?",
        "Can you give an example?",
        "why so strict?",
        "Could you elaborate?",
        "ok, and without it?",
        "能举个例子吗？",
        "会跟踪链接吗？",
        "需要多长时间？",
        "怎么备份？",
        "When did they leave?",
        "what else?",
        "Tell me more",
        "Another one?",
        "His age?",
        "这个怎么用？",
        "还有呢",
    ],
)
def test_pronouns_openings_and_fragments_lean(question: str) -> None:
    assert leans(question)


def test_a_subject_has_no_more_than_eight_words_and_repeats_nothing() -> None:
    long = "Which " + " and ".join(f"subject{n} matter{n}" for n in range(9)) + " were named?"
    rewritten = rewritten_by_rules("And subject1?", asked(long))
    assert len(rewritten.removeprefix("And subject1?").split()) <= 8
    assert rewritten_by_rules("And Chroma?", asked("What is Chroma?")) == "And Chroma?"


def test_courtesy_is_no_subject() -> None:
    earlier = asked("How do I index a site?", "thanks", "hello")
    assert rewritten_by_rules("And PDFs?", earlier) == "And PDFs? (index, site)"
    assert rewritten_by_rules("那 PDF 呢？", asked("怎样收录网站？", "谢谢！")) == "那 PDF 呢？（收录网站）"


def test_without_anything_to_lean_on_the_question_stays() -> None:
    assert rewritten_by_rules("Why?", []) == "Why?"
    assert rewritten_by_rules("Why?", asked("How?", "And so?")) == "Why?"


def test_the_recent_context_is_the_beginning_of_the_last_answer_without_markers() -> None:
    history = [HumanMessage("What?"), AIMessage("Chroma keeps vectors [1]. " + "word " * 50)]
    context = recent_context("And it?", history)
    assert context.startswith("And it? Chroma keeps vectors.")
    assert len(context.split()) == 2 + 25
    assert recent_context("And it?", []) == ""
