// Errors: how a missing block becomes errno.
#pragma once

#include <cerrno>

#include "base/check.hpp"

namespace hakmem {

template <typename T>
T* or_enomem(T* block) {
  if (HAK_UNLIKELY(block == nullptr)) errno = ENOMEM;
  return block;
}

}  // namespace hakmem
