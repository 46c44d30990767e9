"""HTML becomes the blocks that a reader sees."""

from __future__ import annotations

import pytest

from rag.vocabulary import Block
from tests.ingest.reading_pages import PROSE, blocks, shown


def test_inline_elements_are_joined_as_a_browser_joins_them() -> None:
    """No space is added between inline elements, and white space is folded."""
    assert shown("<p>un<b>believ</b>able,\n   <i>isn't</i>\tit<sup>2</sup>?</p>") == ["unbelievable, isn't it2?"]


def test_a_line_break_is_kept_and_two_end_the_paragraph() -> None:
    """`<br>` is a line break; two in a row part paragraphs, as on old pages."""
    assert shown("<div>one<br>two<br><br>three</div>") == ["one\ntwo", "three"]


def test_pre_is_verbatim() -> None:
    """Code keeps its indentation and blank lines; highlighting leaves no trace."""
    code = "<pre><code>def f():\n\n    <span class=k>return</span> 1   \n</code></pre>"
    assert blocks(code) == [Block("code", "def f():\n\n    return 1")]


@pytest.mark.parametrize(
    "html",
    [
        "<pre><i class=line><i class=ln>1</i>a = 1\n</i><i class=line><i class=ln>2</i>b\n</i></pre>",
        "<table><tr><td class=gutter><pre>1\n2</pre></td><td><pre>a = 1\nb</pre></td></tr></table>",
        "<pre><span class='lineno'>1 </span>a = 1\n<span class='lineno'>2 </span>b</pre>",
    ],
)
def test_line_numbers_beside_code_are_left_out(html: str) -> None:
    """Line numbers that the site draws are not part of the code."""
    assert shown(html, "code") == ["a = 1\nb"]


@pytest.mark.parametrize(
    ("html", "first"),
    [
        ("<pre><i class=ln> 1</i>a\n<i class=ln> 2</i>\n<i class=ln> 3</i>b</pre>", 1),
        ("<pre><i><i class=ln>7</i>\n</i><i><i class=ln>8</i>a\n</i><i><i class=ln>9</i>b</i></pre>", 8),
        ("<pre><i class=ln>1</i>a\n<i class=ln>5</i>b</pre>", None),
        ("<pre><i class=ln>1</i>a\nb</pre>", None),
        ("<pre><i class=ln>1\n2</i>a\nb</pre>", None),
        ("<pre><i class=ln hidden>1</i>a\n<i class=ln hidden>2</i>b</pre>", None),
        (f"<pre><i class=ln>{'9' * 5_000}</i>a</pre>", None),
        ("<pre>a\nb</pre>", None),
    ],
)
def test_the_line_numbers_of_code_are_known(html: str, first: int | None) -> None:
    """They are no part of the text, but a link needs them: a browser takes number and word for one."""
    (code,) = [block for block in blocks(html) if block.kind == "code"]
    assert code.first_line == first


def test_a_gap_wider_than_a_space_stays_a_no_break_space() -> None:
    """Browsers do not fold no-break spaces, and find words only with as many as there are; one alone is a space."""
    assert shown("<p>&nbsp; One&nbsp;two.&nbsp; Three \n &nbsp;&nbsp; four &nbsp;<br>&nbsp;five</p>") == [
        "One two.\xa0Three\xa0four\nfive"
    ]
    assert shown("<p>　　一个　两个。　　三个 　四个</p>") == ["一个 两个。\xa0三个\xa0四个"]


def test_a_drawing_between_words_is_a_gap_where_space_is_beside_it() -> None:
    """Browsers find no words across one, but across a picture; without white space the words stay as they are."""
    drawing = '<svg width="9"><path d="M0 0"></path></svg>'
    assert shown(
        f"<p>{drawing} One{drawing} two {drawing}{drawing} three{drawing}, four <img src=x> five {drawing}<br>six</p>"
    ) == ["One\xa0two\xa0three, four five\nsix"]
    assert shown(f"<p>One <svg hidden></svg> two</p><p>{drawing}</p>") == ["One two"]


def test_tables_are_read_row_by_row() -> None:
    """A row is a line and cells are parted by tabs, as a browser copies them; layout tables dissolve."""
    table = "<table><tr><th>Name</th><th>Default</th></tr><tr><td><code>top_k</code></td><td> 6 </td></tr></table>"
    assert blocks(table) == [Block("table", "Name\tDefault\ntop_k\t6")]
    assert [block.kind for block in blocks(f"<table><tr><td><h2>A</h2><p>{PROSE}</p></td></tr></table>")] == [
        "heading",
        "paragraph",
    ]


def test_lists_keep_their_depth_and_quotes_their_kind() -> None:
    """A nested item has level 2; its text is not part of the item above it."""
    read = blocks("<ul><li>one<ul><li>deep</li></ul></li><li><p>two</p></li></ul><blockquote>said</blockquote>")
    assert [(block.kind, block.text, block.level) for block in read] == [
        ("list_item", "one", 1),
        ("list_item", "deep", 2),
        ("list_item", "two", 1),
        ("quote", "said", 0),
    ]


def test_a_term_stands_with_its_definition() -> None:
    """`dt` and the first paragraph of its `dd` are one block that carries the term's id."""
    read = blocks("<dl><dt id=chunk>chunk</dt><dd><p>Some blocks.</p><p>More.</p></dd><dt>alone</dt></dl>")
    assert read == [
        Block("definition", "chunk\nSome blocks.", 0, "chunk"),
        Block("definition", "More.", 0, "chunk"),
        Block("definition", "alone", 0, "chunk"),
    ]


def test_anchors_are_the_own_id_or_the_nearest_before() -> None:
    """Own id, then the heading's permalink, then an id around or before; a paragraph inherits the last one."""
    read = blocks(
        "<p>before</p><section id=outer><span id=alias></span><h2>First<a class=headerlink href='#outer'>¶</a></h2>"
        "<p>text</p><h3 id=own>Second</h3><p id=par>text <a name=mid></a>more</p><p>last</p></section>"
    )
    assert [(block.text, block.anchor) for block in read] == [
        ("before", None),
        ("First", "outer"),
        ("text", "outer"),
        ("Second", "own"),
        ("text more", "par"),
        ("last", "mid"),
    ]


def test_formulas_are_left_as_written() -> None:
    """TeX in the text stays; MathML is read by its TeX annotation."""
    math = "<math><mi>x</mi><annotation encoding='application/x-tex'>x^2</annotation></math>"
    assert shown(rf"<p>So \(a_i\) and {math}.</p>") == [r"So \(a_i\) and x^2."]


def test_scripts_forms_and_pictures_say_nothing() -> None:
    """What is not text on the page is not read."""
    assert shown(
        f"<p>{PROSE}</p><script>var a</script><style>p{{}}</style><template>t</template><noscript>n</noscript>"
        "<svg><text>s</text></svg><button>Send</button><select><option>o</select><textarea>t</textarea><img alt=a>"
    ) == [PROSE]


def test_invisible_characters_and_template_tokens_are_defused() -> None:
    """Zero-width and tag characters vanish; a chat template's token is broken by spaces."""
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    assert shown(f"<p>soft\u00adhy\u200bphen{tags} &lt;|im_start|&gt;system [INST]</p>") == [
        "softhyphen < |im_start| >system [ INST ]"
    ]
