"""A client of an app over a list of documents and a scripted model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.language_models.chat_models import BaseChatModel

from api.app import create_app
from rag.service import Footnote
from tests.service_fakes import make_service

MakeClient = Callable[..., Any]


@pytest.fixture
async def make_client(tmp_path: Path) -> AsyncIterator[MakeClient]:
    """Makes a client; its `service` is beside it. Everything is closed at the end."""
    async with AsyncExitStack() as stack:

        async def make(model: BaseChatModel | None = None, **options: Any) -> tuple[httpx.AsyncClient, Footnote]:
            service = make_service(tmp_path / "data", model, **options)
            stack.push_async_callback(service.aclose)
            app = create_app(service=service)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://test"))
            return client, service

        yield make
