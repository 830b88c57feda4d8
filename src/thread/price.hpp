// Price: what memory costs at this moment, the same for large blocks and for the knobs of small ones.
//
//   settings.price --learn/limit_price, by what is committed below the soft limit--> price_now()
//
// Reads counters alone, so it may be asked under any lock. Above: tuner, huge choice, idle blocks. Below: commitment, learn. Any thread.
#pragma once

#include "config/knobs.hpp"
#include "learn/limit_price.hpp"
#include "pages/commitment.hpp"

namespace hakmem {

// A price, risen as the memory limit comes near.
inline double price_near_limit(double price) {
  if (!commitment.has_limit()) return price;
  return learn::price_under_limit(price, commitment.bytes(), commitment.soft(),
                                  commitment.stall_percent());
}

// The bill's.
inline double price_now() { return price_near_limit(settings.price); }

}  // namespace hakmem
