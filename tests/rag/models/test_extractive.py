"""The extractive model quotes the right sentences, numbers them, and says so when nothing fits."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from langchain_core.messages import HumanMessage

from rag.errors import ModelUnavailable
from rag.models.embeddings import EmbeddingModel
from rag.models.extractive import ExtractiveChatModel
from rag.models.minilm import MiniLMEmbeddings
from rag.models.sentence_choice import MOST_EMBEDDED
from rag.vocabulary import Document
from tests.fakes import FakeEmbeddings, make_document, make_documents

DOCUMENTS = make_documents(
    "Normandy is a region of France. The Norse were led by Rollo, who ruled until 927. His son followed him.",
    "The 1973 oil crisis began in October 1973. The embargo ended in March 1974.",
    "Footnote keeps the vectors in Chroma. Footnote keeps the words in tantivy, which is quick.",
)
CHINESE = [
    make_document("向量保存在 Chroma 里。词语保存在 tantivy 里，速度很快。", 1, language="zh"),
    make_document("今天的天气非常好，适合出去走走。", 2, language="zh"),
]


@pytest.fixture
def model(minilm: MiniLMEmbeddings) -> ExtractiveChatModel:
    return ExtractiveChatModel(embeddings=EmbeddingModel("minilm", minilm, 384, languages=frozenset({"en"})))


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("Who led the Norse?", "The Norse were led by Rollo, who ruled until 927. [1]"),
        ("When did the oil embargo end?", "The embargo ended in March 1974. [2]"),
        ("Where does Footnote keep the vectors?", "Footnote keeps the vectors in Chroma. [3]"),
    ],
)
def test_the_answer_begins_with_the_right_sentence(model: ExtractiveChatModel, question: str, first: str) -> None:
    answer = model.answer(question, DOCUMENTS)
    assert answer.text.startswith(first)
    assert answer.finish_reason == "stop"


def test_chinese_questions_are_answered_by_words(model: ExtractiveChatModel) -> None:
    assert model.answer("向量保存在哪里？", CHINESE).text.startswith("向量保存在 Chroma 里。 [1]")


def test_by_words_alone_the_next_best_sentences_stand_behind_the_best(model: ExtractiveChatModel) -> None:
    """Wherever they are on the page of the best one, and none of another page's."""
    page = make_document(
        "灯塔建于一八七一年，由石匠李安主持。它守护着北岸的渔船。灯塔的石匠后来修建了码头。", 1, language="zh"
    )
    other = make_document("码头的石匠也修建了渔村里的学校。", 2, language="zh")
    assert model.answer("灯塔的石匠后来修建了什么？", [page, other]).text == (
        "灯塔的石匠后来修建了码头。 [1] 灯塔建于一八七一年，由石匠李安主持。 [1]"
    )


def test_two_pages_that_hardly_answer_alike_are_no_answer() -> None:
    """By words alone and with little found, it would be a guess which of them is meant."""
    texts = ("委员会讨论了新的图书馆计划，没有作出决定。", "委员会讨论了新的游泳馆计划，没有作出决定。")
    one, other = (replace(make_document(text, n, language="zh"), score=0.5) for n, text in enumerate(texts, 1))
    question = "镇上的委员会讨论新计划时谁最先发言反对？"
    assert ExtractiveChatModel().answer(question, [one, other]).finish_reason == "no_answer"
    assert ExtractiveChatModel().answer(question, [one]).finish_reason == "stop"


def test_of_many_pages_that_fit_alike_none_is_an_answer() -> None:
    """What an index knows nothing of shares its common characters with many pages; an answer stands out among them."""
    said = "委员会在春天讨论了新的游泳馆计划，没有作出决定。"
    question = "镇上的委员会讨论新计划时谁最先发言反对？"
    pages = [make_document(f"{said}第{n}次会议也是如此。", n, language="zh") for n in range(1, 7)]

    def ending(*scores: float) -> str:
        scored = [replace(page, score=score) for page, score in zip(pages, scores, strict=True)]
        return ExtractiveChatModel().answer(question, scored).finish_reason

    assert ending(0.95, 0.94, 0.93, 0.92, 0.91, 0.9) == "no_answer"
    assert ending(0.999, 0.8, 0.75, 0.7, 0.65, 0.6) == "stop"


def test_a_latin_name_that_the_page_lacks_is_no_answer_in_chinese() -> None:
    """The Chinese words around it match many pages."""
    page = make_document("配置方法是编辑主目录中的配置文件。先大致介绍编辑器的配置方法，博客里还有更多的配置说明。")
    answered = ExtractiveChatModel().answer("如何配置编辑器？", [page])
    refused = ExtractiveChatModel().answer("如何配置 hugo 博客？", [page])
    assert (answered.finish_reason, refused.finish_reason) == ("stop", "no_answer")


def test_who_asks_how_to_do_something_sees_the_code(model: ExtractiveChatModel) -> None:
    """The sentence that introduces code is an answer with it; other questions about it get sentences alone."""
    code = ">>> wn.synonyms('car')\n[['auto', 'automobile']]"
    page = (
        f"WordNet is a lexical database of English.\n\nThe synonyms of a word are listed by sense:\n\n{code}\n\nMore."
    )
    documents = make_documents(page, "Cats sleep for most of the day.")
    shown = model.answer("How do I get the synonyms of a word from WordNet?", documents).text
    assert shown == f"The synonyms of a word are listed by sense: [1]\n\n```\n{code}\n```"
    assert ">>>" not in model.answer("Which database lists synonyms of English words?", documents).text


def test_every_sentence_is_verbatim_and_in_reading_order(model: ExtractiveChatModel) -> None:
    """One to three sentences, each on its page as it stands, those of one document from top to bottom."""
    text = "Chroma keeps vectors. Rain fell on Tuesday in the north. Chroma keeps vectors in a folder of its own."
    documents = make_documents(text, "The vectors that Chroma keeps are small.")
    answer = model.answer("What keeps Chroma, and where are the vectors kept by Chroma?", documents).text
    sentences = re.findall(r"(.+?) \[(\d)\] ?", answer)
    assert 1 <= len(sentences) <= 3
    assert all(sentence in documents[int(n) - 1].text for sentence, n in sentences)
    places = [documents[int(n) - 1].text.index(sentence) for sentence, n in sentences if n == sentences[0][1]]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("question", "documents", "said"),
    [
        ("How do volcanoes form under the sea?", DOCUMENTS, "No relevant answer"),
        ("火山是怎么形成的？", CHINESE, "没有找到"),
        ("Who led the Norse?", make_documents("Home | About\n\nx = {1}"), "No relevant answer"),
        ("Who led the Norse?", [], "ingest URL"),
        ("谁领导了诺斯人？", [], "收录页面"),
    ],
)
def test_says_so_when_nothing_fits(
    model: ExtractiveChatModel, question: str, documents: list[Document], said: str
) -> None:
    answer = model.answer(question, documents)
    assert said in answer.text
    assert answer.finish_reason == "no_answer"
    assert "[" not in answer.text


async def test_streams_small_tokens_and_ends_with_a_reason(model: ExtractiveChatModel) -> None:
    """Tokens joined are the answer exactly; the last chunk has finish reason and usage."""
    chunks = [chunk async for chunk in model.astream([], documents=CHINESE, question="向量保存在哪里？")]
    assert "".join(str(chunk.content) for chunk in chunks) == model.answer("向量保存在哪里？", CHINESE).text
    assert len(chunks) > 5
    assert max(len(str(chunk.content)) for chunk in chunks) < 12
    assert chunks[-1].response_metadata["finish_reason"] == "stop"
    assert chunks[-1].usage_metadata is not None
    refused = [chunk async for chunk in model.astream([], documents=[], question="Why?")]
    assert refused[-1].response_metadata["finish_reason"] == "no_answer"


async def test_the_last_message_is_the_question_when_none_is_given(model: ExtractiveChatModel) -> None:
    bound = model.bind(documents=DOCUMENTS)
    expected = model.answer("Who led the Norse?", DOCUMENTS).text
    assert (await bound.ainvoke([HumanMessage("Who led the Norse?")])).content == expected
    assert bound.invoke("Who led the Norse?").content == expected
    assert "".join(str(chunk.content) for chunk in bound.stream("Who led the Norse?")) == expected


@pytest.mark.parametrize("question", ["", " ", "?", "\ud800", "\x00", "a" * 4_000, "🙂", "的"])
def test_odd_questions_are_answered_or_refused(model: ExtractiveChatModel, question: str) -> None:
    assert model.answer(question, DOCUMENTS).finish_reason in ("stop", "no_answer")


def test_works_without_embeddings_and_with_ones_of_another_scale() -> None:
    """Words alone find it; a foreign embedder's cosines order sentences, and do not decide about refusal."""
    for embeddings in (None, EmbeddingModel("fake", FakeEmbeddings(), 64)):
        model = ExtractiveChatModel(embeddings=embeddings)
        assert "Rollo" in model.answer("Who led the Norse?", DOCUMENTS).text
        assert model.answer("How do volcanoes form under the sea?", DOCUMENTS).finish_reason == "no_answer"


def test_embeds_a_bounded_number_of_sentences() -> None:
    fake = FakeEmbeddings()
    text = " ".join(f"The vectors of page number {number} are kept in Chroma." for number in range(300))
    ExtractiveChatModel(embeddings=EmbeddingModel("fake", fake, 64)).answer("Where are vectors?", make_documents(text))
    assert len(fake.texts) == MOST_EMBEDDED + 1


def test_a_failing_embedder_is_not_hidden() -> None:
    fake = FakeEmbeddings()
    fake.failure = ModelUnavailable("down")
    with pytest.raises(ModelUnavailable, match="down"):
        ExtractiveChatModel(embeddings=EmbeddingModel("fake", fake, 64)).answer("Who led the Norse?", DOCUMENTS)
