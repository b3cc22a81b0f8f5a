// A program of the user's that is run for what it prints.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "cacherator/detail/result.hpp"

namespace cacherator::engine::dynamodb {

/// What the program printed, once it ended with 0. It has this process's environment, with `variable` ("NAME=value") in it, nothing to read, and its complaints
/// go nowhere: they may hold secrets. Faults: it cannot be started, ended otherwise, printed more than 64 KiB, or took longer than `limit` (it and its
/// group are then killed). They name the program, not its arguments. Blocks.
[[nodiscard]] Result<std::string> output_of(const std::vector<std::string>& command, std::chrono::milliseconds limit, const std::string& variable = {});

}  // namespace cacherator::engine::dynamodb
