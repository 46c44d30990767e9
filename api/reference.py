"""`GET /docs`: Swagger UI where its CDN can be reached, and the same reference in plain HTML where it cannot."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.responses import HTMLResponse

_SWAGGER = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5.35.0"
_STYLE_HASH = "sha384-WlYgdmXYOOBWL5apwjDEZwN+U3HmXSSu5R6V5aGxEcf7z+KuRNwBhoxKVN1i3D5I"
_SCRIPT_HASH = "sha384-gjRm0bEPMeTmMh5jT2cHccIwCUZSTd8YC+j0d0sXw0MdGEfScduGpSyF3ZSSLkX9"
_START = "if (window.SwaggerUIBundle) SwaggerUIBundle({url: 'openapi.json', dom_id: '#reference', deepLinking: true});"
_START_HASH = base64.b64encode(hashlib.sha256(_START.encode()).digest()).decode()

# The files of the CDN are pinned by the `integrity` of their tags.
_POLICY = (
    f"default-src 'none'; script-src 'self' 'sha256-{_START_HASH}' https://cdn.jsdelivr.net; "
    "style-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

# The CDN comes last: a page that waits for it in vain shows everything all the same.
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: the HTTP interface</title>
<link rel="icon" href="page/icon.svg" type="image/svg+xml">
</head>
<body>
<main id="reference">
{reference}
</main>
<link rel="stylesheet" href="{swagger}/swagger-ui.css" integrity="{style_hash}" crossorigin="anonymous">
<script src="{swagger}/swagger-ui-bundle.js" integrity="{script_hash}" crossorigin="anonymous"></script>
<script>{start}</script>
</body>
</html>
"""


def add_reference(app: FastAPI) -> None:
    """Serves the reference at `/docs`; the app itself is to be made with `docs_url=None`."""

    async def docs() -> HTMLResponse:
        page = _PAGE.format(
            title=html.escape(app.title),
            reference="\n".join(_reference(app.openapi())),
            swagger=_SWAGGER,
            style_hash=_STYLE_HASH,
            script_hash=_SCRIPT_HASH,
            start=_START,
        )
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})

    app.add_api_route("/docs", docs, methods=["GET", "HEAD"], include_in_schema=False)


def _reference(description: Mapping[str, Any]) -> Iterator[str]:
    info = description["info"]
    yield f"<h1>{html.escape(info['title'])} {html.escape(info['version'])}</h1>"
    yield f"<p>{html.escape(info.get('description', ''))}</p>"
    yield '<p>For programs: <a href="openapi.json">openapi.json</a></p>'
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            yield from _operation(f"{method.upper()} {path}", operation)


def _operation(name: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<section><h2><code>{html.escape(name)}</code></h2>"
    yield f"<p><strong>{html.escape(operation.get('summary', ''))}</strong></p>"
    for paragraph in operation.get("description", "").split("\n\n"):
        yield f"<p>{html.escape(paragraph)}</p>"
    rows = [(f"{row['name']} ({row['in']})", row.get("description", "")) for row in operation.get("parameters", ())]
    yield from _table("Parameters", rows)
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        for title, example in media.get("examples", {}).items():
            shown = json.dumps(example["value"], indent=2, ensure_ascii=False)
            yield f"<h3>Body, {html.escape(kind)}: {html.escape(title)}</h3><pre>{html.escape(shown)}</pre>"
    yield from _table("Answers", [(code, answer["description"]) for code, answer in operation["responses"].items()])
    yield "</section>"


def _table(title: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    if rows:
        yield f"<h3>{title}</h3><table>"
        yield from (f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in rows)
        yield "</table>"
