"""What a browser hears of answers that break careless streams: by fetch, and by EventSource."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.odd_texts import ODD_TEXTS, delivered

pytest.importorskip("playwright.async_api")
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

BY_FETCH = """async question => {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch("/ask", { method: "POST", headers, body: JSON.stringify({ question }) });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const texts = [], ids = [];
    let rest = "", answer;
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        const blocks = (rest + piece.value).split("\\n\\n");
        rest = blocks.pop();
        for (const block of blocks.filter(block => !block.startsWith(":"))) {
            const fields = Object.fromEntries(block.split("\\n").map(line => line.split(/: (.*)/s)));
            ids.push(Number(fields.id));
            if (fields.event === "token") texts.push(JSON.parse(fields.data).text);
            if (fields.event === "done") answer = JSON.parse(fields.data).answer;
        }
    }
    const [said, whole] = [texts.join(""), answer].map(text => JSON.stringify(text));  // lost halves are escaped
    return { run: response.headers.get("X-Run-Id"), ids, said, answer: whole, rest };
}"""
BY_EVENT_SOURCE = """run => new Promise((resolve, reject) => {
    const texts = [], ids = [];
    const source = new EventSource(`/runs/${run}/events`);
    for (const name of ["run", "documents", "question", "citation", "token", "done"])
        source.addEventListener(name, event => {
            const data = JSON.parse(event.data);
            ids.push(Number(event.lastEventId));
            if (name === "token") texts.push(data.text);
            if (name === "done") {
                source.close();
                const [said, answer] = [texts.join(""), data.answer].map(text => JSON.stringify(text));
                resolve({ run, ids, said, answer, rest: "" });
            }
        });
    source.onerror = () => { source.close(); reject(new Error("the stream broke")); };
})"""


@pytest.mark.parametrize("name", ODD_TEXTS)
async def test_fetch_and_event_source_deliver_every_character(visit: Any, name: str) -> None:
    """Token by token and in `done`; the numbers of the events have no gap."""
    visit.model.will_say(ODD_TEXTS[name])
    fetched = await visit.page.evaluate(BY_FETCH, "What keeps the vectors?")
    replayed = await visit.page.evaluate(BY_EVENT_SOURCE, fetched["run"])
    assert fetched == replayed
    assert fetched["said"] == fetched["answer"]
    assert json.loads(fetched["said"]) == delivered(ODD_TEXTS[name])
    assert fetched["ids"] == list(range(1, len(fetched["ids"]) + 1))
