"""Settings as they are read from the environment, and printed for it."""

from __future__ import annotations

import pytest

from rag.errors import ConfigurationError
from rag.settings import Settings
from rag.terminal.upkeep import show_settings


@pytest.mark.parametrize(
    ("given", "read"), [("default", None), (" Default ", None), ("", 0.0), ("0.7", 0.7), (None, 0.0)]
)
def test_a_temperature_can_be_left_to_the_model(
    monkeypatch: pytest.MonkeyPatch, given: str | None, read: float | None
) -> None:
    """`default` asks for the model's own; an empty value counts as none, as everywhere."""
    if given is None:
        monkeypatch.delenv("RAG_TEMPERATURE", raising=False)
    else:
        monkeypatch.setenv("RAG_TEMPERATURE", given)
    assert Settings.load().temperature == read


def test_a_temperature_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable."""
    monkeypatch.setenv("RAG_TEMPERATURE", "hot")
    with pytest.raises(ConfigurationError, match="RAG_TEMPERATURE"):
        Settings.load()


def test_what_is_printed_reads_back_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines of `footnote config` stand in .env for the settings they were printed from."""
    settings = Settings.load(temperature=None, top_k=3, allow_hosts=("a.example", "b.example:8080"), dense_weight=0.5)
    show_settings(settings, as_json=False)
    for line in capsys.readouterr().out.splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)
    assert Settings.load() == settings


def test_a_comma_inside_a_pattern_does_not_cut_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`/\\d{3,4}/` is one pattern."""
    monkeypatch.setenv("RAG_BLOCKED_PHRASES", r"top secret, /\d{3,4}-\d{4}/ ,机密,/half")
    assert Settings.load().blocked_phrases == ("top secret", r"/\d{3,4}-\d{4}/", "机密", "/half")
