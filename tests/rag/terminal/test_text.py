from __future__ import annotations

import random

from rich.cells import cell_len

from rag.terminal.text import Wrapping, harmless, readable_link


def wrapped(text: str, width: int, indent: int = 0, seed: int = 0) -> str:
    """`text` fed in pieces of random length."""
    wrapping, random_, out, place = Wrapping(lambda: width, indent), random.Random(seed), [], 0
    while place < len(text):
        step = random_.randint(1, 7)
        out.append(wrapping.feed(text[place : place + step]))
        place += step
    return "".join(out) + wrapping.finish()


def test_escape_sequences_and_control_characters_do_not_reach_the_terminal() -> None:
    assert harmless("a\x1b[31mred\x1b[0m\x07 \x9b2J b\r\x00\u202e c") == "ared 2J b c"
    assert harmless("two\nlines\tand 中文") == "two\nlines\tand 中文"


def test_words_are_wrapped_the_same_however_the_text_is_cut() -> None:
    text = "The quick brown fox jumps over the lazy dog, and then it rests [1]. It was tired."
    results = {wrapped(text, 30, seed=seed) for seed in range(50)}
    (result,) = results
    assert all(len(line) <= 30 for line in result.split("\n"))
    assert result.replace("\n", " ") == text


def test_chinese_is_wrapped_at_characters_by_their_width_and_punctuation_stays() -> None:
    text = "脚注是一种问答服务，它引用网页上的原话，并核对每一句。" * 3
    lines = wrapped(text, 40).split("\n")
    assert "".join(lines) == text
    assert all(30 <= cell_len(line) <= 42 for line in lines[:-1])
    assert not any(line.startswith(("，", "。")) for line in lines)


def test_line_breaks_of_the_text_are_kept_and_indented() -> None:
    assert wrapped("one\n\ntwo three", 80, indent=4) == "one\n    \n    two three"


def test_a_word_longer_than_a_line_is_not_lost() -> None:
    assert wrapped("see " + "x" * 100, 30).replace("\n", " ") == "see " + "x" * 100


def test_a_terminal_that_is_resized_meanwhile_is_wrapped_at_its_new_width() -> None:
    columns = [60]
    wrapping = Wrapping(lambda: columns[0])
    first = wrapping.feed("word " * 20)
    columns[0] = 30
    second = wrapping.feed("word " * 20) + wrapping.finish()
    assert max(map(len, first.split("\n"))) > 50
    assert max(map(len, second.split("\n")[1:])) <= 30


def test_a_link_is_shown_with_its_letters_and_stays_one_word() -> None:
    link = "https://example.org/a%20b#top:~:text=%E5%BC%95%E7%94%A8%2C%E8%84%9A,it%27s%20so%E2%80%82x%1B%9B"
    assert readable_link(link) == "https://example.org/a%20b#top:~:text=引用%2C脚,it%27s%20so%E2%80%82x%1B%9B"


def test_a_word_longer_than_a_line_is_followed_in_the_line_it_ends_in() -> None:
    """The terminal goes on with it in the next line; no line of its own is begun after it."""
    wrapping = Wrapping(lambda: 20)
    assert wrapping.feed("x" * 30 + " [1] and more words") + wrapping.finish() == "x" * 30 + " [1] and\nmore words"
