"""An API client with two times to live."""

import asyncio
from typing import Any

from cacherator import Cached, JSONCache
from web import get_json


class GitHubClient(JSONCache):
    def __init__(self) -> None:
        super().__init__(data_id="github_client", ttl=1)

    @Cached(ttl=0.5)  # 12 hours
    async def get_user(self, username: str) -> Any:
        return await asyncio.to_thread(get_json, f"/users/{username}")

    @Cached(ttl=7)  # 1 week
    async def get_repos(self, username: str) -> Any:
        return await asyncio.to_thread(get_json, f"/users/{username}/repos")


async def main() -> None:
    client = GitHubClient()
    for username in ("octocat", "mona"):
        user = await client.get_user(username)
        print(f"{user['name']}: {user['followers']} followers ({client.last_cache_status})")
        repos = await client.get_repos(username)
        print(f"{', '.join(repo['name'] for repo in repos)} ({client.last_cache_status})")


if __name__ == "__main__":
    asyncio.run(main())
