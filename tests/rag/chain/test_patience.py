from __future__ import annotations

import asyncio

import pytest

from rag.chain.patience import Patience


async def test_a_wait_that_takes_too_long_is_ended_and_the_task_goes_on() -> None:
    """The CancelledError is the limit's own, and nothing of it is left on the task."""
    patience = Patience()
    patience.wait(0.01)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    assert patience.ran_out()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    patience.close()


async def test_resting_is_not_waiting() -> None:
    """Only the time between `wait` and `rest` counts, and a shorter limit is kept after a longer one."""
    patience = Patience()
    patience.wait(0.01)
    patience.rest()
    await asyncio.sleep(0.03)
    patience.wait(60)
    patience.rest()
    patience.wait(0.01)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    assert patience.ran_out()
    patience.close()


async def test_a_cancelling_from_outside_stays_one() -> None:
    """Somebody else's `cancel` is not taken for the limit."""
    waiting = asyncio.Event()
    took_it_for_its_own: list[bool] = []

    async def work() -> None:
        patience = Patience()
        patience.wait(60)
        waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            took_it_for_its_own.append(patience.ran_out())
            raise
        finally:
            patience.close()

    task = asyncio.create_task(work())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert took_it_for_its_own == [False]
