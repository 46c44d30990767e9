"""The guard where the words come from: what a model says is read before any callback, stream or state has it.

So nothing that is made of a run can hold a forbidden phrase: not its tokens, its patches or its events, not the state
of the graph, and not the conversation.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import cast

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from rag.text.guard import OutputGuard

BLOCKED = "content_filter"
"""The finish reason of what the guard has ended, in OpenAI's words."""


class GuardedChunks:
    """Passes the chunks of one reply on, without what must not be said.

    Attributes:
        blocked: a forbidden phrase came up; the chunk just given was the last.
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        self._guard = OutputGuard(phrases)
        self.blocked = False

    def feed(self, chunk: AIMessageChunk) -> AIMessageChunk:
        """The chunk with the text that may leave now, which may be none, or some of earlier chunks."""
        if self._guard.is_idle:
            return chunk
        checked = self._guard.feed(chunk.text)
        text, self.blocked = checked
        if not self.blocked and (chunk.chunk_position == "last" or "finish_reason" in chunk.response_metadata):
            rest = self._guard.finish()
            text, self.blocked = text + rest.text, rest.blocked
        return self._with_text(chunk, text)

    def _with_text(self, chunk: AIMessageChunk, text: str) -> AIMessageChunk:
        if self.blocked:
            return AIMessageChunk(
                content=text,
                id=chunk.id,
                response_metadata={"finish_reason": BLOCKED},
                usage_metadata=chunk.usage_metadata,
                chunk_position="last",
            )
        return AIMessageChunk(
            content=text,
            id=chunk.id,
            tool_call_chunks=chunk.tool_call_chunks,
            response_metadata=chunk.response_metadata,
            usage_metadata=chunk.usage_metadata,
            chunk_position=chunk.chunk_position,
        )


async def guarded(
    chunks: AsyncGenerator[ChatGenerationChunk], phrases: Sequence[str]
) -> AsyncGenerator[ChatGenerationChunk]:
    """The same chunks without what must not be said; they end before it, and the model is let go."""
    guard = GuardedChunks(phrases)
    async with aclosing(chunks):
        async for chunk in chunks:
            yield ChatGenerationChunk(message=guard.feed(cast(AIMessageChunk, chunk.message)))
            if guard.blocked:
                return
