// File names: the incumbent's slug, and what keeps two data_ids with one slug apart (docs/format.md, section 1).
#pragma once

#include <string>
#include <string_view>

#include "cacherator/detail/result.hpp"

namespace cacherator::engine {

struct Stems {
  std::string plain{};      ///< 1.2.9's name of the file
  std::string marked{};     ///< with the digest: where `plain` belongs to another data_id
  bool has_plain = true;    ///< false: a data_id beyond ASCII whose old name is not known
  bool adopt_only = false;  ///< beyond ASCII: `plain` is used where such a file is there, never for a new one
};

/// The two names a data_id's files may have. `incumbent_stem`: 1.2.9's name for a data_id beyond ASCII, if known.
/// Faults: misuse, for a data_id that is empty, not UTF-8, or holds a NUL.
[[nodiscard]] Result<Stems> stems(std::string_view data_id, std::string_view incumbent_stem);

/// 1.2.9's slug of an ASCII text.
[[nodiscard]] std::string slug(std::string_view ascii);

}  // namespace cacherator::engine
