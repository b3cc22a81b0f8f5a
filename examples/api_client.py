"""Async function caching: one of many callers asks, all get the answer."""

import asyncio
from typing import Any

from cacherator import Cached, JSONCache
from web import get_json


class APIClient(JSONCache):
    @Cached(ttl=1)  # Cache for 1 day
    async def fetch_user(self, user_id: int) -> Any:
        # Expensive API call
        return await asyncio.to_thread(get_json, f"/users/{user_id}")


async def main() -> None:
    client = APIClient()
    for user_id in (123, 456):
        known = f"fetch_user({user_id},){{}}" in client.cache_status
        users = await asyncio.gather(*(client.fetch_user(user_id) for _ in range(5)))
        print(f"user {user_id}: {users[4]['name']}")
        print("remembered" if known else "asked the API")


if __name__ == "__main__":
    asyncio.run(main())
