"""The identity of a URL: two spellings of one page get one name, and odd spellings of a host get the plain one."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urljoin, urlsplit, urlunsplit

from w3lib.url import canonicalize_url
from yarl import URL

from rag.errors import SourceRefused, without_password

MAX_URL_CHARACTERS = 2_000
DEFAULT_PORTS = {"http": 80, "https": 443}
TRACKING = re.compile(
    r"utm_\w+|mtm_\w+|pk_\w+|gclid|gclsrc|dclid|gbraid|wbraid|gad_source|fbclid|msclkid|yclid|ysclid|twclid|ttclid|igshid"
    r"|mc_[ce]id|mkt_tok|_hsenc|_hsmi|_ga|_gl|srsltid|vero_id|oly_\w+_id|spm|phpsessid|jsessionid",
    re.IGNORECASE,
)
_SESSION_PARAMETER = re.compile(r";(jsessionid|phpsessid)=[^/;?]*", re.IGNORECASE)
_REMOVED_BY_BROWSERS = re.compile(r"[\t\n\r]")
_ABSOLUTE = re.compile(r"https?://[^/?#]", re.IGNORECASE)
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.IGNORECASE)


@lru_cache(maxsize=10_000)  # the pages of a site have their menus in common
def identify(url: str) -> str:
    """The one name of a web page: what is fetched, stored and compared.

    Host in lower case ASCII and addresses in their usual form, no default port, no fragment, no tracking or session
    parameters, dot segments resolved, query sorted, escapes uniform.

    Raises:
        SourceRefused: not http or https, no host or a malformed one, a name or password in it, or too long.
    """
    cleaned = _REMOVED_BY_BROWSERS.sub("", url.strip())
    if len(cleaned) > MAX_URL_CHARACTERS:
        raise SourceRefused(
            f"{without_password(cleaned)[:80]!r}… has {len(cleaned):,} characters.",
            f"Use at most {MAX_URL_CHARACTERS:,}.",
        )
    parts = _split(cleaned, url)
    netloc = host_for_url(normal_host(parts.hostname or "", url))
    port = _port(parts, url)
    if port is not None and port != DEFAULT_PORTS[parts.scheme]:
        netloc += f":{port}"
    path = _SESSION_PARAMETER.sub("", parts.path) or "/"
    query = _without_tracking(parts.query)
    try:
        return canonicalize_url(urlunsplit((parts.scheme, netloc, path, query, "")))
    except ValueError as error:
        raise SourceRefused(f"{url!r} is not a usable URL.", "Check its spelling.") from error


def resolve(base: str, reference: str) -> str | None:
    """The identity of a link on page `base`, or None when it leads to nothing that can be fetched."""
    try:
        cleaned = _REMOVED_BY_BROWSERS.sub("", reference.strip())
        return identify(cleaned if _ABSOLUTE.match(cleaned) else urljoin(base, cleaned))
    except (SourceRefused, ValueError):
        return None


@lru_cache(maxsize=10_000)
def site_of(url: str) -> str:
    """Host, and port unless it is the scheme's own: http and https of one host are one site. `file` for files."""
    parts = urlsplit(url)
    return "file" if parts.scheme == "file" else parts.netloc


def host_and_port(url: str) -> tuple[str, int]:
    """Host (no brackets) and effective port of an identity."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 0)


def is_web(source: str) -> bool:
    """Whether `source` is meant as a URL with a scheme, not as a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", source.strip()) is not None


def file_identity(path: Path) -> str:
    """The `file:` URL of a local file; symbolic links resolved."""
    return path.resolve().as_uri()


def normal_host(host: str, url: str) -> str:
    """A host as it will be looked up: IDNA, lower case, no trailing dot; addresses in their usual spelling.

    Browsers and the C library read `127.1`, `2130706433`, `0x7f000001` and full-width digits as addresses, so
    they are turned into one here, before any rule looks at them.

    Raises:
        SourceRefused: empty, malformed, or with a zone.
    """
    if ":" in host:
        return _ipv6(host, url)
    plain = unquote(host)
    try:
        encoded = (URL.build(scheme="http", host=plain).raw_host or "") if plain else ""
    except ValueError as error:
        raise SourceRefused(f"The host of {url!r} holds what no host may hold.", "Check its spelling.") from error
    name = encoded.lower().removesuffix(".")
    if not name or any(not 0 < len(label) <= 63 for label in name.split(".")):
        raise SourceRefused(f"{url!r} names no host.", "Write a URL such as https://example.com/page.")
    return _ipv4(name, url) if _NUMBER.fullmatch(name.rsplit(".", 1)[-1]) else name


def _split(cleaned: str, url: str) -> SplitResult:
    if "\\" in cleaned.split("?", 1)[0]:
        raise SourceRefused(f"{url!r} holds a backslash, which programs read differently.", "Write / instead.")
    try:
        parts = urlsplit(cleaned)
    except ValueError as error:
        raise SourceRefused(f"{url!r} is not a usable URL.", "Check its spelling.") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise SourceRefused(
            f"{url!r} has the scheme {parts.scheme!r}.", "Use http or https, or a path of a local file."
        )
    if parts.username is not None or parts.password is not None:
        raise SourceRefused("A URL with a user name or password in it is not fetched.", "Remove the part before @.")
    return parts


def _port(parts: SplitResult, url: str) -> int | None:
    try:
        port = parts.port
        if port == 0:
            raise ValueError("port 0 means none")
    except ValueError as error:
        raise SourceRefused(f"The port of {url!r} is not a number from 1 to 65535.", "Correct it.") from error
    return port


def _ipv6(host: str, url: str) -> str:
    if "%" in host:
        raise SourceRefused(f"The address in {url!r} names a network interface.", "Leave out the part after %.")
    try:
        return ipaddress.IPv6Address(host).compressed
    except ValueError as error:
        raise SourceRefused(f"The address in {url!r} is no IPv6 address.", "Check its spelling.") from error


def _ipv4(name: str, url: str) -> str:
    """The `inet_aton` reading: one to four numbers, decimal, octal or hexadecimal, the last one filling the rest."""
    numbers = [_number(part) for part in name.split(".")]
    known = [number for number in numbers if number is not None]
    if len(known) == len(numbers) <= 4 and all(number < 256 for number in known[:-1]):
        value, room = known[-1], 256 ** (5 - len(known))
        if value < room:
            for place, number in enumerate(known[:-1]):
                value += number << (8 * (3 - place))
            return str(ipaddress.IPv4Address(value))
    raise SourceRefused(f"{url!r} looks like an address but is none.", "Write it as four numbers from 0 to 255.")


def _number(part: str) -> int | None:
    lowered = part.lower()
    try:
        if lowered.startswith("0x"):
            return int(lowered[2:] or "0", 16)
        return int(lowered, 8 if len(lowered) > 1 and lowered.startswith("0") else 10)
    except ValueError:
        return None


def host_for_url(host: str) -> str:
    """IPv6 addresses stand in brackets inside a URL."""
    return f"[{host}]" if ":" in host else host


def _without_tracking(query: str) -> str:
    if not TRACKING.search(query):
        return query
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(name, value) for name, value in pairs if not TRACKING.fullmatch(name)])
