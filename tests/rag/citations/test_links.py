"""Links: terms that are unique, minimal, inside one block, and escaped as browsers want them."""

from __future__ import annotations

import sys
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.citations.links import link_maker, text_fragment_link
from rag.citations.word_borders import is_border
from rag.vocabulary import Block
from tests.fakes import make_document

URL = "https://example.org/guide"
ENGLISH = (
    "How to begin\n\nInstall the package first. Then run the server on a free port, and open the page in a browser "
    "to see what it says about itself and its sources.\n\nInstall the package first. It is well-known, really.\n\n"
    "- one item, short\n- another item & more"
)
CHINESE = "引用说明\n\n每个句子都有引用，程序会逐字核对。数字、日期和名称必须一致；否则标为不支持。\n\n程序会逐字核对。"


def link(text: str, quote: str, place: int | None = None, anchor: str | None = "begin") -> str:
    start = text.index(quote) if place is None else place
    return text_fragment_link(URL, anchor, text, start, start + len(quote))


def directive(made: str) -> str:
    return made.partition(":~:text=")[2]


def test_a_short_quote_is_named_whole() -> None:
    """The anchor stays before the directive, for browsers that do not find the words."""
    made = link(ENGLISH, "It is well-known, really.")
    assert made == f"{URL}#begin:~:text=It%20is%20well%2Dknown%2C%20really."


def test_a_long_quote_is_named_by_its_ends() -> None:
    """A few words from either end are enough where they are unique."""
    quote = ENGLISH[ENGLISH.index("Then run") : ENGLISH.index(" sources.") + len(" sources.")]
    start, end = (unquote(term) for term in directive(link(ENGLISH, quote)).split(","))
    assert quote.startswith(start)
    assert quote.endswith(end)
    assert len(start) + len(end) < 60


def test_the_second_of_two_is_told_apart() -> None:
    """By words of its own line where there are any, else by the end of the block before when that is prose."""
    quote = "Install the package first."
    assert directive(link(ENGLISH, quote)) == "Install%20the%20package%20first."
    assert directive(link(ENGLISH, quote, ENGLISH.rindex(quote))) == "Install%20the%20package%20first.,-It"
    alone = "程序会逐字核对。"
    assert unquote(directive(link(CHINESE, alone, CHINESE.rindex(alone)))) == f"否则标为不支持。-,{alone}"


TABLE = "Model\tKind\tTask\nGPT\tTransformer\tnext word\nGPT-2\tTransformer\tnext word\nBERT\tTransformer\tgap"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("GPT\tTransformer\tnext word", "Task-,GPT,next word"),
        ("GPT-2\tTransformer\tnext word", "next word-,GPT-2,next word"),
        ("BERT\tTransformer\tgap", "next word-,BERT,gap"),
    ],
)
def test_a_row_is_told_apart_by_the_cells_around_it(row: str, expected: str) -> None:
    """Between two cells nothing stands: the cell before leads up to a row, which menus that are not read may name."""
    text = f"GPT-2 comes next.\n\n{TABLE}"
    assert directive(link(text, row)) == expected.replace("GPT-2", "GPT%2D2").replace(" ", "%20")


def test_a_cell_that_a_row_repeats_is_told_apart_by_the_next_row() -> None:
    """Else the highlight would end at the first of the two."""
    text = "Name\tOne\tTwo\tThree\nSpeed\tlow\tlow\thigh\nCost\tmid\tlow\tlow\nSize\tbig\tbig\tlow"
    assert unquote(directive(link(text, "Cost\tmid\tlow\tlow"))) == "high-,Cost,low,-Size"
    assert unquote(directive(link(text, "Size\tbig\tbig\tlow"))) == "low-,Size,low"


def test_the_first_line_that_can_be_named_begins_the_highlight() -> None:
    """Where neither the first line nor the last is the first such, one between them may be."""
    text = "Model\n\nTask\n\nModel\tKind\tTask"
    assert directive(link(text, "Model\tKind\tTask")) == "Model-,Kind,Task"


@pytest.mark.parametrize(
    ("above", "opening"),
    [
        ('"Learning with not Enough Data"', "“Learning with not Enough Data” and Labels"),
        ("（1 + x + x^2 + x^3 + x^4 + x^5）", "(1 + x + x^2 + x^3 + x^4 + x^5) as"),
        ("A résumé of all that was said at noon", "A resume of all that was said at dawn"),
    ],
)
def test_what_a_browser_takes_for_the_same_is_told_apart(above: str, opening: str) -> None:
    """Quotation marks, widths and accents make no difference to it, so the terms must."""
    quote = f"{opening} is what the sentence begins with, which has a good many words."
    begin = unquote(directive(link(f"{above}\n\n{quote}", quote)).split(",")[0])
    assert opening.startswith(begin)
    assert len(begin) >= len(above)


def test_a_title_above_the_text_is_the_first_of_its_words() -> None:
    """Pages show their title; the text that is read often begins behind it."""
    title, quote = (
        "How the northern harbour was built",
        "How the northern harbour was built over nine years is told here.",
    )
    text = f"{quote} More words follow."

    def opening(title: str) -> str:
        made = text_fragment_link(URL, None, text, 0, len(quote), title=title)
        return unquote(directive(made).split(",")[0])

    assert opening("") in title
    assert opening(title).startswith(title)
    assert opening(title) != title


def test_a_title_that_the_text_has_is_no_second_one() -> None:
    """A quoted heading stays the first such on the page, and offsets stay those of the text."""
    text = "How to begin\n\nInstall the package first."
    made = [text_fragment_link(URL, None, text, *span, title="How to begin") for span in [(0, 12), (14, 40)]]
    assert [unquote(directive(one)) for one in made] == ["How to begin", "Install the package first."]
    assert directive(text_fragment_link(URL, None, text, 14, 40, title="Else")) == "Install%20the%20package%20first."


def test_nothing_is_put_before_what_follows_a_heading() -> None:
    """Pages put marks behind headings that their text has not; the first of equal words is better than none."""
    text = "Parse\n\nparse(text)\n\nParse\n\nparse(text)"
    assert directive(link(text, "parse(text)", text.rindex("parse(text)"))) == "parse%28text%29"


def test_a_first_line_that_stands_higher_up_is_left_out() -> None:
    """Named from there, half the page would be highlighted; the last line alone is the place."""
    text = "//\tthe first part\n\nWords between\n\n//\tpp_ref for env_free to work correctly."
    quote = "//\tpp_ref for env_free to work correctly."
    assert unquote(directive(link(text, quote))) == "pp_ref for env_free to work correctly."


def test_terms_stay_inside_a_block() -> None:
    """A quote over two blocks begins in the first and ends in the last."""
    quote = "It is well-known, really.\n\n- one item, short"
    start, end = directive(link(ENGLISH, quote)).split(",")
    assert unquote(start) in "It is well-known, really."
    assert unquote(end) in "- one item, short"


def test_chinese_terms_end_where_words_surely_end() -> None:
    """Without a dictionary only punctuation and white space are sure borders."""
    quote = "数字、日期和名称必须一致；否则标为不支持。"
    assert unquote(directive(link(CHINESE, quote))) == "数字、日期和名称必须一致,否则标为不支持。"
    made = directive(link(CHINESE, "句子都有引"))
    before, term, after = made.split(",")
    assert (unquote(before), unquote(term), unquote(after)) == ("每个-", "句子都有引", "-用")


def test_without_words_or_anchor() -> None:
    """An empty place links to the page, or to its anchor; a fragment of the URL's own is replaced."""
    assert text_fragment_link(f"{URL}#old", None, "some text", 4, 5) == URL
    assert text_fragment_link(URL, "ein teil", "some text", 4, 4) == f"{URL}#ein%20teil"
    assert text_fragment_link(f"{URL}#old", None, "some text", 0, 4) == f"{URL}#:~:text=some"


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("a b", 1, True),
        ("ab", 1, False),
        ("it's", 2, False),
        ("3.14", 2, False),
        ("引用", 1, False),
        ("引A", 1, True),
        ("。引", 1, True),
        ("1，2", 1, False),
        ("1；2", 2, False),
        ("a；b", 1, True),
        ("２．于", 1, True),
        ("8 1⁄2", 4, False),
    ],
)
def test_borders(text: str, place: int, expected: bool) -> None:
    """Contractions and numbers hold together; Chinese against Latin is a border, against Chinese it is not sure."""
    assert is_border(text, place) is expected


@settings(deadline=None)
@given(st.text(alphabet="ab cd,.\n-&。引用A1'", min_size=1, max_size=80), st.integers(0, 80), st.integers(0, 80))
def test_any_place_gives_a_link(text: str, one: int, other: int) -> None:
    """Nothing unescaped gets into a term, no term crosses a line, and the terms stand on the page."""
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    made = directive(text_fragment_link(URL, None, text, start, end))
    if not text[start:end].strip():
        assert made == ""
        return
    terms = made.split(",")
    assert 1 <= len(terms) <= 4
    for term in terms:
        bare = term.removeprefix("-").removesuffix("-")
        assert not set(bare) & set("&-, \n")
        assert unquote(bare).split()[0] in text


def test_the_link_maker_follows_the_page() -> None:
    """Where the page has changed under a document its words are looked for, or the document is used."""
    document = make_document("Install the package first.", url=URL)
    for page in (ENGLISH, "New words. " + ENGLISH, None, "All else."):
        blocks = None if page is None else (Block("paragraph", page),)
        make = link_maker(lambda url, blocks=blocks: blocks)  # type: ignore[misc]
        assert make(document, 0, 26).endswith(":~:text=Install%20the%20package%20first.")


NUMBERED = (
    Block("paragraph", "A program."),
    Block("code", "#include <a>\n\nint a = 1;\n  int b = 2;\nreturn a + b;", first_line=9),
    Block("paragraph", "Its end."),
)


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("int a = 1;", "11-,int a = 1;"),
        ("#include <a>", "#include <a>"),
        ("int b = 2;", "int b = 2;"),
        ("a = 1;", "a = 1;"),
        ("int a = 1;\n  int b = 2;", "11-,int a = 1;,int b = 2;"),
        ("  int b = 2;\nreturn a + b;", "int b = 2;,a + b;"),
        ("Its end.", "Its end."),
    ],
)
def test_code_with_line_numbers_is_found_by_them(quote: str, expected: str) -> None:
    """A browser takes a number and the word behind it for one word: the number leads up to the code, and no term
    begins behind one in any other way."""
    text = "\n\n".join(block.text for block in NUMBERED)
    start = text.index(quote)
    assert unquote(directive(text_fragment_link(URL, None, NUMBERED, start, start + len(quote)))) == expected


def test_terms_avoid_a_space_that_chinese_has_not() -> None:
    """Where a formula was dropped the page has more than the text: no term spans that place when it can be avoided."""
    text = "前文说明。\n它影响输出数值，但是并不和原始数据 产生关联。"
    start = text.index("它影响")
    link = unquote(text_fragment_link("https://example.org/", None, text, start, len(text)))
    assert link.endswith(":~:text=它影响输出数值，但是并不和原始数据,产生关联。")
    assert directive(text_fragment_link(URL, None, "One two.\xa0Three four.", 0, 20)) == "One%20two.,Three%20four."
    assert unquote(directive(text_fragment_link(URL, None, "差分码为 ： 6716 ，", 0, 13))) == "差分码为,6716"


def test_a_hole_close_to_the_beginning_is_gone_round_with_a_prefix() -> None:
    """Where the words before the hole stand higher up, those before them on the line tell them apart."""
    text = "那么，开始说明。\n输入向量 ， 。那么 ，两个权重向量都得到同样的内积，但是后者更好。"
    quote = "那么 ，两个权重向量都得到同样的内积，但是后者更好。"
    assert unquote(directive(link(text, quote))) == "。-,那么,，但是后者更好。"


@pytest.mark.parametrize("above", ["call(line, 'x');", "print('#include')", "A teaser that is cut ..."])
def test_a_line_above_that_is_no_prose_is_no_prefix(above: str) -> None:
    """Pages put line numbers and bylines between such lines, so that a prefix from there would find nothing."""
    text = f"let l = 1\n{above}\nlet l = 1"
    link = unquote(text_fragment_link("https://example.org/", None, text, len(text) - 9, len(text)))
    assert link.endswith(":~:text=let l = 1")


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("// the sum of all", "the sum of all"),
        ("- 差分码为6716 ，", "差分码为6716"),
        ("-5 degrees", "-5 degrees"),
        ("// --", "// --"),
    ],
)
def test_signs_apart_from_the_words_are_left_out(quote: str, expected: str) -> None:
    """A page may have more white space between them than its text, and they stand on many lines."""
    text = f"// 1\n{quote}"
    assert unquote(directive(link(text, quote, 5))) == expected


def test_words_said_before_end_a_page() -> None:
    """A line that the page has twice, the second time as its last words, is named whole."""
    line = "The keeper of the northern harbour wrote letters home"
    page = f"{line}\n{line}"
    assert directive(link(page, line, len(line) + 1)) == line.replace(" ", "%20")
    assert directive(link(page + ".", line, len(line) + 1)) == line.replace(" ", "%20") + ",-."


@pytest.mark.parametrize("line", ["a " * 60_000, "a b c d\n" * 15_000, "一" * 120_000])
def test_a_page_that_only_repeats_itself_is_no_more_work(line: str) -> None:
    """Each place where a quote may begin is not held against each other one; the link stays short."""
    calls = 0

    def called(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        made = text_fragment_link(URL, None, line, 100_000, 100_600)
    finally:
        sys.setprofile(None)
    assert calls < 20_000
    assert len(made) < 12_000


def test_a_page_is_looked_up_and_folded_once_for_all_its_quotes() -> None:
    """The links of one answer share what they know of a page."""
    asked: list[str] = []

    def page_blocks(url: str) -> tuple[Block, ...]:
        asked.append(url)
        return (Block("paragraph", ENGLISH),)

    maker = link_maker(page_blocks)
    document = make_document(ENGLISH, 1, url=URL)
    assert maker(document, 14, 40) == maker(document, 14, 40)
    assert asked == [URL]
