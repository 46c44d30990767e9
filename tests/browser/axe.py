"""axe-core, run on the page as it is now."""

from __future__ import annotations

from importlib import resources
from typing import Any

import pytest


async def violations(page: Any, *rules: str) -> list[str]:
    """What axe-core says against the page, by these rules or by all."""
    axe = resources.files(pytest.importorskip("axe_playwright_python").__name__) / "axe.min.js"
    if not await page.evaluate("typeof axe === 'object'"):
        await page.evaluate(axe.read_text(encoding="utf-8"))
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    found = await page.evaluate("options => axe.run(document, options)", options)
    return [f"{v['id']}: {v['help']}: {[n['html'][:120] for n in v['nodes']]}" for v in found["violations"]]
