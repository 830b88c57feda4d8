// First guess: how long to hold a block of whose kind nothing is known yet.
//
//   process age   0 ............. giving_back_s ............................
//   hold          break_even_s  |  share (1 + share) / 2 x break_even_s, and
//                               |  giving_back_s / 16 at least
//
// Holding for the break-even time is right for blocks that are used again. Of blocks that are not,
// giving back costs the call alone, and holding as much after giving_back_s, an eighth of the
// break-even time. What is known of a new context is how many of the blocks before it were used
// again:
//
//   share = (reused + pooled) / (freed + 1)        of the context's own blocks
//   pooled = (reused + 1) / (freed + 1)            of the first blocks of all contexts
//
// A context's first reuse counts for half of its positions in the stack: blocks are used again newest
// first, so those below the first have not had their turn, and where a stack stops within a depth is
// as likely above its middle as below. So that reuse makes it warm at once, and a process that frees what it never freed before,
// as at the end of a phase, gives back early. A process younger than giving_back_s is likely to end
// before holding has cost as much as giving back: what is left of it is taken to be as long as its
// age (the Lindy rule, median of a Pareto law).
//
// Above: hindsight, learner. Below: arms. Pure functions.
#pragma once

#include "learn/arms.hpp"

namespace hakmem::learn {

// Of so many blocks freed, so many were used again.
struct Turnover {
  std::uint32_t freed;
  std::uint32_t reused;

  void note_freed(std::uint32_t blocks = 1);
  void note_reused(std::uint32_t blocks = 1) { reused = blocks < freed - reused ? reused + blocks : freed; }
};

struct GuessTimes {
  float break_even_s;   // holding costs as much as giving back and taking again
  float giving_back_s;  // holding costs as much as giving back alone
};

GuessTimes guess_times(const BlockCosts& costs);

// Of the first blocks of all contexts.
float pooled_share(const Turnover& first);

// Of a context's own blocks.
float share_used_again(const Turnover& own, float pooled);

float guess_hold_s(const GuessTimes& times, float share, double age_s);

// How much worse than the clairvoyant an arm comes out in its worst case if `hold_s` is the time to
// hold, beyond the factor of two that none avoids; in releases and refaults, at most 10.
float regret_in_doubt(const Arm& arm, float hold_s);

}  // namespace hakmem::learn
