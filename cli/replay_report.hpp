// What replaying a trace under several allocators gave, for people and for programs.
//
//   bill = CPU seconds + price x GiB-seconds of resident memory above the player's own
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "allocators.hpp"
#include "player_plan.hpp"
#include "samples.hpp"

namespace hakmem::cli {

struct ReplaySeries {
  std::string allocator;
  std::vector<PlayerResult> results;  // one for each round
  std::string failure;                // empty: every run succeeded

  bool complete() const { return failure.empty() && !results.empty(); }
};

struct Replay {
  std::string trace;
  std::string warning;  // what the trace lacks; empty: nothing
  double price = 0;     // CPU seconds for a GiB-second
  int rounds = 0;
  std::vector<ReplaySeries> series;
};

double bill_of(const PlayerResult& result, double price);

// Reads what the player has printed. Throws std::runtime_error when it is something else.
PlayerResult parse_player_output(const std::string& output);

std::string replay_table(const Replay& replay, const std::string& baseline, bool colours);
nlohmann::json replay_json(const Replay& replay, const std::vector<Allocator>& allocators);

}  // namespace hakmem::cli
