// See process.hpp.
#include "process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <system_error>

namespace hakmem::cli {
namespace {

constexpr std::size_t kOutputKept = 64 * 1024;
constexpr std::size_t kErrorKept = 4 * 1024;
// As shells do it.
constexpr int kNotFound = 127;
constexpr int kNotExecutable = 126;

// Written by the parent, read by the signal handlers.
volatile std::sig_atomic_t running_group = 0;
volatile std::sig_atomic_t time_is_up = 0;

class Descriptor {
 public:
  explicit Descriptor(int number, const char* what) : number_(number) {
    if (number < 0) throw std::system_error(errno, std::generic_category(), what);
  }
  ~Descriptor() { ::close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

void on_alarm(int) {
  time_is_up = 1;
  if (running_group != 0) ::kill(-running_group, SIGKILL);
}

// SA_RESETHAND has restored the default action, so raising the signal again ends this process.
void on_interrupt(int signal) {
  if (running_group != 0) ::kill(-running_group, SIGKILL);
  ::raise(signal);
}

void install_handlers() {
  struct sigaction action {};
  action.sa_handler = on_alarm;
  ::sigaction(SIGALRM, &action, nullptr);
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
}

int open_input() {
  struct stat input {};
  if (::fstat(STDIN_FILENO, &input) == 0 && S_ISREG(input.st_mode)) {
    ::lseek(STDIN_FILENO, 0, SEEK_SET);
    return ::dup(STDIN_FILENO);
  }
  return ::open("/dev/null", O_RDONLY);
}

int exit_code_of_failed_exec() { return errno == ENOENT ? kNotFound : kNotExecutable; }

std::vector<char*> pointers_to(std::vector<std::string>& arguments) {
  std::vector<char*> result;
  for (std::string& argument : arguments) result.push_back(argument.data());
  result.push_back(nullptr);
  return result;
}

// Runs in the child between fork and exec.
[[noreturn]] void become(char* const* arguments, char* const* environment, int input, int output,
                         int error) {
  ::setpgid(0, 0);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(error, STDERR_FILENO);
  ::execvpe(arguments[0], arguments, environment);
  const char* reason = std::strerror(errno);
  const int code = exit_code_of_failed_exec();
  ::dprintf(STDERR_FILENO, "%s: %s\n", arguments[0], reason);
  ::_exit(code);
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void wait_for(pid_t child, unsigned limit_seconds, RunResult& result) {
  time_is_up = 0;
  running_group = child;
  ::alarm(limit_seconds);
  int status = 0;
  rusage usage{};
  while (::wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  ::alarm(0);
  running_group = 0;
  result.user_seconds = seconds(usage.ru_utime);
  result.system_seconds = seconds(usage.ru_stime);
  result.peak_rss_kib = usage.ru_maxrss;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  result.timed_out = time_is_up != 0;
}

// FNV-1a, 64 bits: enough to tell two outputs apart, and nothing to depend on.
std::uint64_t hash_more(std::uint64_t hash, std::string_view bytes) {
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
  }
  return hash;
}

void read_output(int file, RunResult& result) {
  result.output_hash = 0xcbf29ce484222325u;
  std::array<char, 65536> buffer;
  off_t offset = 0;
  for (;;) {
    const ssize_t count = ::pread(file, buffer.data(), buffer.size(), offset);
    if (count <= 0) return;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
    result.output_hash = hash_more(result.output_hash, bytes);
    if (result.output.size() < kOutputKept) {
      result.output += bytes.substr(0, kOutputKept - result.output.size());
    }
    offset += count;
  }
}

std::string read_tail(int file) {
  const off_t size = ::lseek(file, 0, SEEK_END);
  const off_t start = std::max<off_t>(0, size - static_cast<off_t>(kErrorKept));
  std::string tail(static_cast<std::size_t>(size - start), '\0');
  const ssize_t count = ::pread(file, tail.data(), tail.size(), start);
  tail.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return tail;
}

}  // namespace

RunResult run_measured(std::vector<std::string> arguments, Environment environment,
                       unsigned limit_seconds) {
  using Clock = std::chrono::steady_clock;
  install_handlers();
  const Descriptor input(open_input(), "standard input");
  const Descriptor output(::memfd_create("stdout", MFD_CLOEXEC), "memfd_create");
  const Descriptor error(::memfd_create("stderr", MFD_CLOEXEC), "memfd_create");
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> envp = environment.pointers();

  RunResult result;
  const Clock::time_point start = Clock::now();
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    become(argv.data(), envp.data(), input.number(), output.number(), error.number());
  }
  ::setpgid(child, child);
  wait_for(child, limit_seconds, result);
  result.wall_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  ::kill(-child, SIGKILL);

  read_output(output.number(), result);
  result.error_tail = read_tail(error.number());
  return result;
}

int become_program(std::vector<std::string> arguments, Environment environment) {
  ::execvpe(arguments[0].c_str(), pointers_to(arguments).data(), environment.pointers().data());
  const int code = exit_code_of_failed_exec();
  fmt::print(stderr, "hakmem: {}: {}\n", arguments[0], std::strerror(errno));
  return code;
}

std::string describe_end(const RunResult& result) {
  if (result.timed_out) return "over the time limit";
  if (result.signal != 0) return fmt::format("killed by SIG{}", ::sigabbrev_np(result.signal));
  if (result.exit_code != 0) return fmt::format("exit code {}", result.exit_code);
  return "ok";
}

}  // namespace hakmem::cli
