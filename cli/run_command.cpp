// `hakmem run -- PROGRAM ARGS`: puts the library in front of the preloads, sets its options, and
// becomes the program, so that the exit code, the signals and the terminal are the program's own.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "allocators.hpp"
#include "commands.hpp"
#include "environment.hpp"
#include "library_options.hpp"

namespace hakmem::cli {
namespace {

// As shells do it.
constexpr int kNotFound = 127;
constexpr int kNotExecutable = 126;

int become(Program program, Environment environment) {
  std::vector<char*> arguments;
  for (std::string& argument : program) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  ::execvpe(arguments[0], arguments.data(), environment.pointers().data());
  const int error = errno;
  fmt::print(stderr, "hakmem: {}: {}\n", program[0], std::strerror(error));
  return error == ENOENT ? kNotFound : kNotExecutable;
}

int run(const Program& program, const LibraryValues& values) {
  if (program.empty()) throw UsageError("no program given: hakmem run [OPTIONS] -- PROGRAM ARGS");
  const auto library = find_our_library();
  if (!library) throw UsageError("libhakmem.so is neither beside this command nor in ../lib");
  Environment environment = Environment::inherited();
  environment.set("LD_PRELOAD",
                  prepend_preload(library->string(), environment.get("LD_PRELOAD").value_or("")));
  put_into(values, environment);
  return become(program, std::move(environment));
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
