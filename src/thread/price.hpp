// Price: what memory costs at this moment, the same for large blocks and for the knobs of small ones.
//
//   settings.price --learn/limit_price, by what is committed below the soft limit--> price_now()
//
// Above: tuner, idle blocks. Below: commitment, learn. Any thread.
#pragma once

#include "config/knobs.hpp"
#include "learn/limit_price.hpp"
#include "pages/commitment.hpp"

namespace hakmem {

// The bill's price, risen as the memory limit comes near.
inline double price_now() {
  if (!commitment.has_limit()) return settings.price;
  return learn::price_under_limit(settings.price, commitment.bytes(), commitment.soft(),
                                  commitment.stall_percent());
}

}  // namespace hakmem
