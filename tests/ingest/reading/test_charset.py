"""Bytes are decoded by what they are, not by what is said of them."""

from __future__ import annotations

import pytest

from ingest.reading.charset import decode_page

CHINESE = "<p>很多老网站仍然使用这种编码，没有声明字符集。我们希望程序能正确识别中文网页的内容。</p>"
JAPANESE = "<p>日本語のページです。文字コードの宣言がないページでも正しく読めるべきです。</p>"
RUSSIAN = "<p>Это страница на русском языке. Кодировка не указана, но текст должен читаться правильно.</p>"
FRENCH = "<p>Cette page est écrite en français. Où êtes-vous passés, les éléphants? C’était déjà l’été.</p>"
KOREAN = "<p>이것은 한국어 페이지입니다. 문자 집합이 선언되지 않았지만 올바르게 읽어야 합니다.</p>"
GREEK = "<p>Αυτή είναι μια ελληνική σελίδα χωρίς δήλωση. Πρέπει να διαβάζεται σωστά από όλους.</p>"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "gbk"),
        (CHINESE, "gb18030"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (FRENCH, "cp1252"),
        (KOREAN, "euc_kr"),
        (GREEK, "cp1253"),
        (CHINESE, "utf-8"),
        (CHINESE, "utf-16"),
        (CHINESE, "utf-8-sig"),
    ],
)
def test_a_page_that_names_no_set_is_guessed(text: str, encoding: str) -> None:
    """No header and no meta element: the bytes themselves tell."""
    assert decode_page(text.encode(encoding)) == text


@pytest.mark.parametrize("header", [None, "text/html", "text/html; charset=ISO-8859-1", "text/html; charset=nonsense"])
def test_the_page_is_believed_before_a_default_header(header: str | None) -> None:
    """Many servers say Latin-1 of everything; the page's own word counts more."""
    page = f'<meta http-equiv="Content-Type" content="text/html; charset=gb2312">{CHINESE}'
    assert decode_page(page.encode("gbk"), header) == page


def test_valid_utf_8_is_utf_8_whatever_is_said() -> None:
    """A wrong header does not spoil a UTF-8 page."""
    assert decode_page(FRENCH.encode(), "text/html; charset=windows-1252") == FRENCH


def test_a_cut_character_spoils_no_page() -> None:
    """One broken byte in a UTF-8 page is replaced; the rest stands."""
    assert decode_page((CHINESE * 5).encode() + b"\xe4\xb8").startswith(CHINESE)


def test_the_header_decides_for_sets_that_look_alike() -> None:
    """ISO-2022-JP is plain ASCII to the eye; the header makes it Japanese."""
    assert decode_page(JAPANESE.encode("iso2022_jp"), "text/html; charset=iso-2022-jp") == JAPANESE


@pytest.mark.parametrize("data", [b"", b"\xff" * 100, bytes(range(256)) * 50])
def test_any_bytes_give_some_text(data: bytes) -> None:
    """Decoding never raises."""
    assert isinstance(decode_page(data, "text/html; charset=hex"), str)
