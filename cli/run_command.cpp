// `hakmem run -- PROGRAM ARGS`: puts the library in front of the preloads, sets its options, and
// becomes the program, so that the exit code, the signals and the terminal are the program's own.
#include <memory>

#include "allocators.hpp"
#include "commands.hpp"
#include "environment.hpp"
#include "library_options.hpp"
#include "process.hpp"

namespace hakmem::cli {
namespace {

int run(const Program& program, const LibraryValues& values) {
  if (program.empty()) throw UsageError("no program given: hakmem run [OPTIONS] -- PROGRAM ARGS");
  const auto library = find_our_library();
  if (!library) throw UsageError("libhakmem.so is neither beside this command nor in ../lib");
  Environment environment = Environment::inherited();
  environment.set("LD_PRELOAD",
                  prepend_preload(library->string(), environment.get("LD_PRELOAD").value_or("")));
  put_into(values, environment);
  return become_program(program, std::move(environment));
}

}  // namespace

Command add_run_command(CLI::App& app) {
  CLI::App* run_app = app.add_subcommand("run", "Run a program with hakmem as its malloc");
  set_usage(*run_app, "hakmem run [OPTIONS] -- PROGRAM ARGS");
  run_app->prefix_command();
  const auto values = std::make_shared<LibraryValues>();
  add_library_flags(*run_app, *values);
  return {run_app, [values](const Program& program) { return run(program, *values); }};
}

}  // namespace hakmem::cli
