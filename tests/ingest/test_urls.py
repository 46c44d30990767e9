"""The identity of a URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.urls import file_identity, identify, is_web, resolve, site_of


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("HTTP://Example.COM", "http://example.com/"),
        ("https://example.com:443/a", "https://example.com/a"),
        ("http://example.com:80/a", "http://example.com/a"),
        ("http://example.com:443/a", "http://example.com:443/a"),
        ("https://example.com/a#part", "https://example.com/a"),
        ("https://example.com/a/./b/../c", "https://example.com/a/c"),
        ("https://example.com/?b=2&a=1", "https://example.com/?a=1&b=2"),
        ("https://example.com/?utm_source=x&id=3&fbclid=y&gclid=z", "https://example.com/?id=3"),
        ("https://example.com/?utm_source=x", "https://example.com/"),
        ("https://example.com/a;jsessionid=A1?x=1", "https://example.com/a?x=1"),
        ("https://example.com./a", "https://example.com/a"),
        ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ("https://example.com/%7Euser/%c3%a9", "https://example.com/~user/%C3%A9"),
        ("  https://example.com/a\n", "https://example.com/a"),
        ("http://[::FFFF:0:1]/", "http://[::ffff:0:1]/"),
        ("http://[2001:DB8:0:0::1]:80/", "http://[2001:db8::1]/"),
        ("http://0x7f.1:8080/", "http://127.0.0.1:8080/"),
        ("https://例え.jp/頁?題=値", "https://xn--r8jz45g.jp/%E9%A0%81?%E9%A1%8C=%E5%80%A4"),
    ],
)
def test_spellings_of_one_page_have_one_identity(url: str, identity: str) -> None:
    assert identify(url) == identity
    assert identify(identity) == identity


def test_links_are_resolved_and_useless_ones_dropped() -> None:
    base = "https://example.com/docs/a.html"
    assert resolve(base, "b.html#top") == "https://example.com/docs/b.html"
    assert resolve(base, "//other.example/x") == "https://other.example/x"
    for useless in (
        "mailto:a@b.c",
        "javascript:void(0)",
        "tel:1",
        "data:,x",
        "file:///etc/passwd",
        "http://[",
        "http://",
    ):
        assert resolve(base, useless) is None


def test_http_and_https_of_a_host_are_one_site_and_ports_are_not() -> None:
    assert site_of("http://example.com/a") == site_of("https://example.com/b")
    assert site_of("http://example.com:8080/") != site_of("http://example.com/")
    assert site_of("file:///tmp/a.html") == "file"


def test_a_file_is_told_from_a_url(tmp_path: Path) -> None:
    assert is_web("https://example.com")
    assert is_web("ftp://x")
    assert not is_web("notes.md")
    assert not is_web("docs/a.html")
    assert not is_web("C:\\notes.md")
    assert file_identity(tmp_path / "ä b.html").startswith("file:///")
