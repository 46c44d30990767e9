"""The web page: files beside this module, served as they are."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parent / "page"


def add_page(app: FastAPI, folder: Path = FOLDER) -> None:
    """`GET /` is the page, its files are under `/page/`."""

    async def index() -> Response:
        if not (folder / "index.html").is_file():
            raise HTTPException(404)
        return FileResponse(folder / "index.html", headers={"Cache-Control": "no-cache"})

    app.add_api_route("/", index, methods=["GET", "HEAD"], include_in_schema=False)
    if folder.is_dir():
        app.mount("/page", _Files(directory=folder), name="page")


class _Files(StaticFiles):
    def file_response(self, *arguments: object, **options: object) -> Response:
        response = super().file_response(*arguments, **options)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"  # asked for again each time, answered with 304
        return response
