// Opening a layer on a table that the caller names: open_layer() and tests do.
#pragma once

#include <functional>
#include <memory>

#include "dynamodb/table.hpp"
#include "layer.hpp"

namespace cacherator::engine::dynamodb {

/// Asked again in the child of a fork, for a table of its own.
using TableOpener = std::function<std::shared_ptr<Table>()>;

/// The layer of this store in the table. The table outlives it, as Table::open() has it: the last reference to a layer may go on the
/// table's own thread.
[[nodiscard]] std::shared_ptr<engine::Layer> join_layer(const std::shared_ptr<Store>& store, const CacheOptions& options, TableOpener open);

}  // namespace cacherator::engine::dynamodb
