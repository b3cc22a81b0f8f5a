// libcurl, made ready once for all of this process.
#pragma once

namespace cacherator::engine::dynamodb {

/// To be called before any other function of libcurl's. Thread-safe; costs an atomic load after the first time.
void ensure_curl();

}  // namespace cacherator::engine::dynamodb
