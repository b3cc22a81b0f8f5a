// Weak references to arguments that nothing but their address names: a result goes when one of them does.
#pragma once

#include <memory>
#include <vector>

#include "table.hpp"

namespace cacherator::python {

/// The anchors of one call. The GIL guards it.
class Anchors {
 public:
  /// Adds an argument; false: it cannot be referred to weakly (no error is set).
  bool add(PyObject* argument);
  /// This is what goes when an argument does.
  void hold(const std::shared_ptr<Known>& known);

 private:
  std::shared_ptr<std::weak_ptr<Known>> held_ = std::make_shared<std::weak_ptr<Known>>();
  std::vector<Ref> references_;
};

}  // namespace cacherator::python
