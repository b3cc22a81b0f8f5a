"""Custom times to live: a forecast for hours, history for a month."""

from typing import Any

from cacherator import Cached, JSONCache
from web import get_json


class WeatherService(JSONCache):
    @Cached(ttl=0.25)  # 6 hours (0.25 days)
    def get_forecast(self, city: str) -> Any:
        return get_json(f"/forecast?city={city}")

    @Cached(ttl=30)  # 30 days
    def get_historical(self, city: str, year: int) -> Any:
        return get_json(f"/historical?city={city}&year={year}")


if __name__ == "__main__":
    weather = WeatherService()
    forecast = weather.get_forecast("Oslo")
    print(f"{forecast['city']}: {forecast['celsius']} degrees ({weather.last_cache_status})")
    past = weather.get_historical("Oslo", 2021)
    print(f"{past['city']} {past['year']}: {past['rainy_days']} rainy days ({weather.last_cache_status})")
