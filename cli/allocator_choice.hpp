// Which allocators a comparison runs over: everything the machine has and the user names, without
// those that do not work here. What is left out is named on stderr.
#pragma once

#include <string>
#include <vector>

#include "allocators.hpp"

namespace hakmem::cli {

// The C library's malloc, hakmem, installed libraries, and those of `with`
// ([NAME=]PATH[,VAR=VALUE]); only the names in `only` unless it is empty. A name that appears again
// replaces the earlier one, so that `with` can stand in for an installed library. Throws
// UsageError.
std::vector<Allocator> choose_allocators(const std::vector<std::string>& with,
                                         const std::vector<std::string>& only);

// Ratios are relative to hakmem, or to the first allocator where hakmem is not among them.
std::string baseline_of(const std::vector<Allocator>& allocators);

}  // namespace hakmem::cli
