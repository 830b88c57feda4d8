// `hakmem record -- PROGRAM ARGS`: puts the recorder and an allocator in front of the preloads, and
// becomes the program, so that the exit code, the signals and the terminal are the program's own.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "allocators.hpp"
#include "commands.hpp"
#include "environment.hpp"
#include "process.hpp"

namespace hakmem::cli {
namespace fs = std::filesystem;
namespace {

constexpr const char* kRecorder = "libhakmem-record.so";

struct RecordFlags {
  std::string output = "hakmem.trace";
  std::uint64_t from = 0;
  std::string with;
};

fs::path find_recorder() {
  const auto recorder = find_our_library(kRecorder);
  if (!recorder) {
    throw UsageError(fmt::format("{} is neither beside this command nor in ../lib", kRecorder));
  }
  return *recorder;
}

// Empty: the program's own.
std::string allocator_path(const std::string& with) {
  if (with == "none") return "";
  if (!with.empty()) {
    if (!fs::exists(with)) throw UsageError(fmt::format("--with: there is no {}", with));
    return fs::absolute(with).lexically_normal().string();
  }
  const auto ours = find_our_library();
  if (!ours) throw UsageError("libhakmem.so is neither beside this command nor in ../lib");
  return ours->string();
}

// The recorder takes a file that exists for one that another program of this run is writing.
std::string make_way(const std::string& output) {
  const fs::path path = fs::absolute(output).lexically_normal();
  std::error_code failed;
  if (fs::exists(path, failed) && !fs::is_regular_file(path, failed)) {
    throw UsageError(fmt::format("{} is no regular file", output));
  }
  if (!std::ofstream(path)) throw UsageError(fmt::format("cannot write {}", output));
  fs::remove(path, failed);
  return path.string();
}

int run(const RecordFlags& flags, const Program& program) {
  if (program.empty())
    throw UsageError("no program given: hakmem record [OPTIONS] -- PROGRAM ARGS");
  Environment environment = Environment::inherited();
  std::string preload = environment.get("LD_PRELOAD").value_or("");
  const std::string allocator = allocator_path(flags.with);
  if (!allocator.empty()) preload = prepend_preload(allocator, preload);
  environment.set("LD_PRELOAD", prepend_preload(find_recorder().string(), preload));
  environment.set("HAKRECORD_FILE", make_way(flags.output));
  environment.set("HAKRECORD_FROM", std::to_string(flags.from));
  return become_program(program, std::move(environment));
}

}  // namespace

Command add_record_command(CLI::App& app) {
  CLI::App* record_app = app.add_subcommand("record", "Record every allocation of a program");
  set_usage(*record_app, "hakmem record [OPTIONS] -- PROGRAM ARGS");
  record_app->prefix_command();
  record_app->footer(
      "Look at the trace with: hakmem replay --show FILE\n"
      "Further programs that the program starts write to FILE.PID.");
  const auto flags = std::make_shared<RecordFlags>();
  record_app->add_option("-o,--output", flags->output, "the trace (default hakmem.trace)")
      ->type_name("FILE");
  record_app->add_option("--from", flags->from, "leave out smaller blocks (32K, 1M; default 0)")
      ->transform(CLI::AsSizeValue(false).description(""))
      ->type_name("BYTES");
  record_app
      ->add_option("--with", flags->with, "the allocator (default hakmem; none: the program's own)")
      ->type_name("X.so|none");
  return {record_app, [flags](const Program& program) { return run(*flags, program); }};
}

}  // namespace hakmem::cli
