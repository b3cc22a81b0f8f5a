"""Async calls that memory did not answer. The leader computes in its own task; the others await its flight."""

from __future__ import annotations

from ._native import AsyncCall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple

_HIT, _WAIT, _LEAD, _ALONE = range(4)


async def _ended(call: AsyncCall) -> None:
    """Returns when the flight has ended. The event loop stays free; a cancelled waiter harms nobody."""
    import asyncio

    loop = asyncio.get_running_loop()
    future: "asyncio.Future[None]" = loop.create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    if call.on_end(lambda: loop.call_soon_threadsafe(wake)):
        await future


async def call(function: Any, arguments: Tuple[Any, ...], keywords: Dict[str, Any]) -> Any:
    """The story of one async call: looks again, as time may have passed since it was made; waits, or leads."""
    story = AsyncCall(function, arguments, keywords)
    while True:
        kind, value = story.ask()
        if kind == _HIT:
            return value
        if kind == _WAIT:
            await _ended(story)
            story.waited()
            continue
        if kind == _ALONE:
            value = await function.__wrapped__(*arguments, **keywords)
            story.computed()
            return value
        token = story.enter()
        try:
            value = await function.__wrapped__(*arguments, **keywords)
        except Exception as error:
            story.fail(error)
            raise
        except BaseException:
            story.abandon()  # cancelled: one of those that wait takes the lead
            raise
        finally:
            story.leave(token)
        story.keep(value)
        return value
