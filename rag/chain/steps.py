"""What an agent does between question and answer: its tool calls told one by one, and ended at a limit."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableLambda

from rag.chain.prompts import unfenced
from rag.chain.tools import FoundDocuments
from rag.errors import FootnoteError
from rag.text.guard import withheld

STEP_NAME = "AgentStep"


@dataclass
class Budget:
    """How much an agent may search.

    Attributes:
        steps: tool calls; `tokens`: of all that was found; `seconds`: since this was made.
    """

    found: FoundDocuments
    steps: int
    tokens: int
    seconds: float
    clock: Callable[[], float] = time.monotonic
    calls: int = 0
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    @property
    def is_spent(self) -> bool:
        """Whether it has to answer now, from what it has."""
        late = self.clock() - self._began >= self.seconds
        return self.calls >= self.steps or self.found.tokens >= self.tokens or late


@dataclass(frozen=True)
class Steps:
    """Tells what the agent does, as runs named `AgentStep` and on LangGraph's `custom` stream.

    An agent puts words into its tool calls, so they are guarded like an answer.

    Attributes:
        write: to the `custom` stream.
        boundary: the fence round what pages say, which is not told.
    """

    write: Callable[[Any], None]
    phrases: Sequence[str]
    boundary: str

    async def tell(self, kind: Literal["action", "observation"], tool: str, **fields: Any) -> None:
        step = self._shown({"kind": kind, "tool": tool, **fields})
        self.write({"step": step})
        run: RunnableLambda[dict[str, Any], dict[str, Any]] = RunnableLambda(lambda taken: taken, name=STEP_NAME)
        await run.ainvoke(step)

    def _shown(self, value: Any) -> Any:
        if isinstance(value, str):
            text = unfenced(value, self.boundary)
            return withheld(text, self.phrases) if self.phrases else text
        if isinstance(value, dict):
            return {self._shown(name): self._shown(part) for name, part in value.items()}
        return [self._shown(part) for part in value] if isinstance(value, list) else value


def limits(budget: Budget, steps: Steps) -> Any:
    """Middleware of `create_agent`: counts and tells tool calls, makes observations of errors, ends the search."""
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse, hook_config
    from langchain.tools.tool_node import ToolCallRequest
    from langgraph.types import Command

    class Limits(AgentMiddleware[Any, Any, Any]):
        def __init__(self) -> None:
            super().__init__()
            self._must_answer = False

        async def awrap_model_call(
            self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
        ) -> ModelResponse[Any]:
            self._must_answer = budget.is_spent
            return await handler(request.override(tools=[]) if self._must_answer else request)

        @hook_config(can_jump_to=["end"])
        async def aafter_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
            last = state["messages"][-1]
            return {"jump_to": "end"} if self._must_answer and getattr(last, "tool_calls", None) else None

        async def awrap_tool_call(
            self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]]
        ) -> ToolMessage | Command[Any]:
            call, spent = request.tool_call, budget.is_spent
            budget.calls += 1
            await steps.tell("action", call["name"], input=call["args"])
            message: ToolMessage | Command[Any]
            if spent:
                message = _observation(call, "The limit of the search is reached. Answer now.")
            else:
                message = await _observed(call, lambda: handler(request))
            await steps.tell("observation", call["name"], output=getattr(message, "text", ""))
            return message

    return Limits()


async def _observed(call: Any, act: Callable[[], Awaitable[Any]]) -> Any:
    """What a tool returned, or why it failed, for the model to read."""
    try:
        return await act()
    except FootnoteError as error:
        return _observation(call, str(error))
    except Exception as error:  # an agent may try another way; what broke is named, and its details are not
        return _observation(call, f"The tool failed ({type(error).__name__}). Try another way.")


def _observation(call: Any, text: str) -> ToolMessage:
    return ToolMessage(text, tool_call_id=call["id"], name=call["name"], status="error")
