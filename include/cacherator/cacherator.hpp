// All of it but Asio: JSONCache, Cached, CachedMethod, Persistent, Kw, memoize, logging.
#pragma once

#include "cacherator/cached.hpp"
#include "cacherator/cached_method.hpp"
#include "cacherator/json_cache.hpp"
#include "cacherator/kw.hpp"
#include "cacherator/logging.hpp"
#include "cacherator/memoize.hpp"
#include "cacherator/persistent.hpp"
