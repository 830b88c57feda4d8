// The command's reader of statistics files, and what it does with what it has read: any bytes are a
// record or an error with a reason, and any record can be shown.
//
// Bytes that look like nothing are refused at once, so most inputs are a good record with some
// bytes changed.
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "input.hpp"
#include "stats_file.hpp"
#include "stats_openmetrics.hpp"
#include "stats_report.hpp"

namespace {

using namespace hakmem::cli;

hak_stats good_record() {
  hak_stats stats{};
  stats.magic = HAK_STATS_MAGIC;
  stats.version = HAK_STATS_VERSION;
  stats.size = sizeof stats;
  stats.context_count = 3;
  stats.class_count = 40;
  for (std::uint32_t c = 0; c < stats.class_count; ++c)
    stats.classes[c] = {16 * (c + 1), c, 1000, 10 * c};
  return stats;
}

// Half of the changes go to the header, where they are more than figures. The file must not look as
// if it were being rewritten: the reader would wait for its writer.
std::string changed_record(fuzz::Input& input) {
  hak_stats stats = good_record();
  auto* bytes = reinterpret_cast<unsigned char*>(&stats);
  for (std::size_t changes = input.below(8); changes > 0; --changes) {
    const std::size_t range = input.one_in(2) ? offsetof(hak_stats, resident_bytes) : sizeof stats;
    const std::size_t at = input.below(range);
    bytes[at] = input.byte();
  }
  stats.sequence &= ~1U;
  return {reinterpret_cast<const char*>(bytes), sizeof stats};
}

class TemporaryFile {
 public:
  TemporaryFile()
      : path_(std::filesystem::temp_directory_path() / ("stats_fuzz." + std::to_string(getpid()))) {
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  const std::filesystem::path& path() const { return path_; }
  void write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }

 private:
  std::filesystem::path path_;
};

void read_and_show(const std::filesystem::path& path) {
  try {
    const hak_stats stats = read_stats(path);
    FUZZ_CHECK(stats.magic == HAK_STATS_MAGIC && stats.class_count <= HAK_STATS_MAX_CLASSES &&
               stats.context_count <= HAK_STATS_MAX_CONTEXTS);
    FUZZ_CHECK(!stats_text(stats, false).empty());
    FUZZ_CHECK(stats_openmetrics(stats).ends_with("# EOF\n"));
    FUZZ_CHECK(nlohmann::json::parse(stats_json(stats).dump()).is_object());
  } catch (const StatsError& error) {
    FUZZ_CHECK(std::strlen(error.what()) > path.string().size());
  }
}

void expand(fuzz::Input& input) {
  const std::string pattern = input.text(60);
  const std::string path = expand_pattern(pattern, "4711");
  FUZZ_CHECK(path.find("%p") == std::string::npos);
  std::string environment = input.text(100);
  std::replace(environment.begin(), environment.end(), ' ', '\0');
  const auto found = stats_pattern(environment);
  FUZZ_CHECK(!found || environment.find("HAKMEM_STATS=" + *found) != std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  fuzz::Input input(bytes, size);
  TemporaryFile file;
  if (input.one_in(4)) expand(input);
  const bool whole = !input.one_in(8);
  const std::size_t other_size = input.below(2 * sizeof(hak_stats));
  std::string text = input.one_in(8) ? input.text(sizeof(hak_stats)) : changed_record(input);
  if (!whole) text.resize(other_size, 'x');
  file.write(text);
  read_and_show(file.path());
  return 0;
}
