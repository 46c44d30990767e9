"""Media types: which ones are pages, which are sitemaps, and which links are not worth asking for."""

from __future__ import annotations

from urllib.parse import urlsplit

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
TEXT_TYPES = frozenset({"text/plain", "text/markdown", "text/x-markdown"})
PAGE_TYPES = HTML_TYPES | TEXT_TYPES
FILE_SUFFIXES = {
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "application/xhtml+xml",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
}
_SIGNATURES = (
    (b"%PDF-", "a PDF"),
    (b"\x89PNG\r\n", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"PK\x03\x04", "an archive or an office document"),
    (b"\x1f\x8b", "an archive"),
)
_NO_PAGE = frozenset(
    "7z apk atom avi avif bin bmp bz2 css csv deb dmg doc docx eot epub exe flac gif gz ico ics iso jar jpeg "
    "jpg js json jsonld map mjs mkv mov mp3 mp4 mpeg mpg msi odp ods odt ogg otf pdf pickle png ppt pptx ps "
    "psd rar rpm rss svg svgz swf tar tgz tif tiff ttf wasm wav webm webmanifest webp whl woff woff2 wmv xls "
    "xlsx xml xpi xz yaml yml zip zst".split()
)


def media_type(content_type: str) -> str:
    """`Text/HTML; charset=gbk` → `text/html`."""
    return content_type.partition(";")[0].strip().lower()


def looks_like_page(url: str) -> bool:
    """False for links whose name says that they lead to an image, an archive, a style sheet and the like."""
    name = urlsplit(url).path.rsplit("/", 1)[-1]
    return "." not in name or name.rsplit(".", 1)[-1].lower() not in _NO_PAGE


def other_kind(body: bytes) -> str | None:
    """What a body is by its first bytes, when that is no text, whatever type it was sent with."""
    return next((kind for signature, kind in _SIGNATURES if body.startswith(signature)), None)
