// The main function of a fuzzer without libFuzzer: seeded random inputs, or the inputs in named
// files.
//
//   NAME_fuzz [INPUTS [FIRST_SEED]]     by default 200 inputs, seeds from 1
//   NAME_fuzz FILE...                   each file once: a regression seed, or what a failed run
//   left
//
// Input n depends on its seed alone. A run that fails says which seed it was and leaves the input
// in a file.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "input.hpp"

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr unsigned kInputs = 200;
constexpr std::size_t kLongest = 4096;
constexpr const char* kLeftBehind = "failed_input";

Bytes current;
char last_words[300];  // what to say if the current input fails

// Only what a signal handler may call.
void leave_input(int signal) {
  const int file = open(kLeftBehind, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (write(file, current.data(), current.size()) == static_cast<ssize_t>(current.size())) {
    static_cast<void>(!write(STDOUT_FILENO, last_words, std::strlen(last_words)));
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// Some inputs are short and some have few different bytes: both find what even noise does not.
Bytes random_input(unsigned seed) {
  std::mt19937 random(seed);
  const std::size_t longest = kLongest >> random() % 6;
  const unsigned mask = seed % 4 == 0 ? 0x0f : 0xff;
  Bytes bytes(1 + random() % longest);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random() & mask);
  return bytes;
}

void run(const std::string& name, Bytes bytes) {
  current = std::move(bytes);
  std::snprintf(last_words, sizeof last_words, "failed: %.200s; the input is in the file %s\n",
                name.c_str(), kLeftBehind);
  LLVMFuzzerTestOneInput(current.data(), current.size());
}

void run_file(const char* name) {
  std::ifstream file(name, std::ios::binary);
  run(name, {std::istreambuf_iterator<char>(file), {}});
}

void run_random(unsigned inputs, unsigned first_seed) {
  for (unsigned seed = first_seed; seed < first_seed + inputs; ++seed) {
    run("seed " + std::to_string(seed), random_input(seed));
  }
}

unsigned number(const char* text) { return static_cast<unsigned>(std::strtoul(text, nullptr, 10)); }

}  // namespace

int main(int argc, char** argv) {
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS}) std::signal(signal, leave_input);
  if (argc > 1 && std::filesystem::exists(argv[1])) {
    std::for_each(argv + 1, argv + argc, run_file);
  } else {
    run_random(argc > 1 ? number(argv[1]) : kInputs, argc > 2 ? number(argv[2]) : 1);
  }
  return 0;
}
