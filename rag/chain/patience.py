"""A time limit for each of many waits, at the price of one timer.

`asyncio.timeout` around every token makes and cancels a timer each, which costs as much as the rest of the chain.
"""

from __future__ import annotations

import asyncio


class Patience:
    """Ends a wait that takes too long: cancels the waiting task, which asks `ran_out` what the cancelling meant.

    Between `wait` and `rest` time counts; the limit may differ from wait to wait. `close` it at the end.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._until = 0.0
        self._cancelling = 0
        self._expired = False

    def wait(self, limit: float) -> None:
        """The current task begins to wait, for `limit` seconds at most."""
        self._task = asyncio.current_task()
        self._until = self._loop.time() + limit
        if self._timer is None or self._timer.when() > self._until:
            self._arm()

    def rest(self) -> None:
        """It waits no more."""
        self._task = None

    def ran_out(self) -> bool:
        """Whether the CancelledError at hand was this limit's alone; then the task goes on as not cancelled."""
        task, self._task = self._task, None
        return self._expired and task is not None and task.uncancel() <= self._cancelling

    def close(self) -> None:
        self._task = None
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._until, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._task is None:
            return  # resting; the next wait arms it again
        if self._loop.time() < self._until:
            self._arm()
            return
        self._expired = True
        self._cancelling = self._task.cancelling()
        self._task.cancel()
