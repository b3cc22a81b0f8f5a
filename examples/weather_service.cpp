// Custom times to live: a forecast for hours, history for a month.
#include <cacherator/cacherator.hpp>

#include <iostream>

#include "web.hpp"

using namespace std::chrono_literals;
using cacherator::CachedMethod;
using cacherator::Days;
using cacherator::JSONCache;
using nlohmann::json;

class WeatherService : public JSONCache {
  json get_forecast_(const std::string& city) { return get_json(api() + "/forecast?city=" + city); }
  json get_historical_(const std::string& city, int year) { return get_json(api() + "/historical?city=" + city + "&year=" + std::to_string(year)); }

 public:
  CachedMethod<&WeatherService::get_forecast_> get_forecast{this, {.ttl = 6h}};
  CachedMethod<&WeatherService::get_historical_> get_historical{this, {.ttl = Days{30}}};
};

int main() {
  WeatherService weather;
  const auto forecast = weather.get_forecast.shared("Oslo");
  std::cout << forecast->at("city").get<std::string>() << ": " << forecast->at("celsius") << " degrees (" << *weather.last_cache_status() << ")\n";
  const auto past = weather.get_historical.shared("Oslo", 2021);
  std::cout << past->at("city").get<std::string>() << ' ' << past->at("year") << ": " << past->at("rainy_days") << " rainy days ("
            << *weather.last_cache_status() << ")\n";
}
