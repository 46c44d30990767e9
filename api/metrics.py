"""What Prometheus may count: runs, tokens, times, requests. Each app has a registry of its own."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.events import Done, Event, Failed
from rag.service import Footnote

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The counters of one app, fed by the events of its runs and by its requests."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "footnote_http_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._runs = Counter("footnote_runs", "Runs that have ended.", ["outcome"], registry=registry)
        self._tokens = Counter("footnote_tokens", "Tokens as the models count them.", ["kind"], registry=registry)
        self._citations = Counter("footnote_citations", "Citations made.", ["verdict"], registry=registry)
        self._active = Gauge("footnote_runs_active", "Runs under way.", registry=registry)
        self._documents = Histogram(
            "footnote_documents_seconds", "Question in, documents out.", buckets=_SECONDS, registry=registry
        )
        self._first_token = Histogram(
            "footnote_first_token_seconds", "Question in, first token out.", buckets=_SECONDS, registry=registry
        )
        self._total = Histogram(
            "footnote_run_seconds", "Question in, answer complete.", buckets=_SECONDS, registry=registry
        )

    def watch(self, service: Footnote) -> None:
        """Counts the runs of `service` from now on."""
        service.watchers.append(self._hear)
        self._active.set_function(lambda: service.active)

    def text(self) -> tuple[bytes, str]:
        """The exposition and its media type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def _hear(self, event: Event) -> None:
        if isinstance(event, Done):
            self._done(event)
        elif isinstance(event, Failed):
            self._runs.labels(str(event.problem["type"]).rpartition(":")[2]).inc()

    def _done(self, event: Done) -> None:
        self._runs.labels(event.finish_reason).inc()
        for citation in event.citations:
            self._citations.labels(citation.verdict).inc()
        for kind in ("input", "output"):
            self._tokens.labels(kind).inc(event.usage.get(f"{kind}_tokens", 0))
        timing = event.timing
        self._total.observe(timing.total_ms / 1000)
        if timing.documents_ms is not None:
            self._documents.observe(timing.documents_ms / 1000)
        if timing.first_token_ms is not None:
            self._first_token.observe(timing.first_token_ms / 1000)


class CountRequests:
    """Counts each request by its route's pattern, never by its path."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._requests = metrics.requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "none")
                self._requests.labels(scope["method"] if route != "none" else "any", route, message["status"]).inc()
            await send(message)

        await self._app(scope, receive, counting)
