// See count_path_trace.hpp.
//
//   child:   ... int3 | call *fn | ret ...      the mark, the counted call, back to the path
//   parent:  wait for int3 -> one step into fn -> step and classify until rip is the return address
//
// The stack pointer is compared too, so that a recursion through the same call is not its end.
#include "count_path_trace.hpp"

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unordered_map>

#include "count_path_decode.hpp"

namespace count_path {
namespace {

constexpr std::size_t kMostInstructions = 1'000'000;
constexpr int kNotTraceable = 126;

[[noreturn]] void become_child(const std::string& path, const std::string& library) {
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(kNotTraceable);
  unsetenv("LD_PRELOAD");
  if (!library.empty()) setenv("LD_PRELOAD", library.c_str(), 1);
  execl("/proc/self/exe", "count_path", "--child", path.c_str(), static_cast<char*>(nullptr));
  _exit(kNotTraceable);
}

// Parent and child take turns; on one CPU a turn costs about half of what it does between two.
void stay_on_this_cpu() {
  const int cpu = sched_getcpu();
  if (cpu < 0) return;
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(static_cast<unsigned>(cpu), &only);
  sched_setaffinity(0, sizeof only, &only);
}

// Where a library's code lies in a process.
struct Span {
  std::uint64_t first = 0;
  std::uint64_t end = ~std::uint64_t{0};

  bool has(std::uint64_t address) const { return address >= first && address < end; }
};

// The whole address space for no library: then there is none to tell apart.
Span code_of(pid_t pid, const std::string& library) {
  if (library.empty()) return {};
  std::error_code error;
  const std::string path = std::filesystem::canonical(library, error).string();
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    Span span;
    char dash = 0;
    std::string rights, offset, device, inode, file;
    fields >> std::hex >> span.first >> dash >> span.end >> rights >> offset >> device >> inode >> file;
    if (file == path && rights.find('x') != std::string::npos) return span;
  }
  return {};
}

class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}

  // Lets it run to the next mark; false when it has ended, with how in status().
  bool run_to_mark() {
    long signal = 0;
    for (;;) {
      resume(PTRACE_CONT, signal);
      if (!WIFSTOPPED(status_)) return false;
      if (WSTOPSIG(status_) == SIGTRAP) return true;
      signal = WSTOPSIG(status_);
    }
  }

  // Executes one instruction; signals meant for the child wait until it runs freely again.
  bool step() {
    resume(PTRACE_SINGLESTEP, 0);
    return WIFSTOPPED(status_) && WSTOPSIG(status_) == SIGTRAP;
  }

  bool wait() { return waitpid(pid_, &status_, 0) == pid_; }
  void kill() {
    ::kill(pid_, SIGKILL);
    wait();
  }

  user_regs_struct registers() const {
    user_regs_struct values{};
    ptrace(PTRACE_GETREGS, pid_, nullptr, &values);
    return values;
  }
  std::uint64_t word(std::uint64_t address) const {
    return static_cast<std::uint64_t>(ptrace(PTRACE_PEEKDATA, pid_, address, nullptr));
  }
  // What stands at an address, read once: the same code runs again and again, and reading is slow.
  Kind kind_at(std::uint64_t address) {
    const auto [known, is_new] = kinds_.try_emplace(address, Kind::kOther);
    if (is_new) known->second = classify(code(address));
    return known->second;
  }
  int status() const { return status_; }

 private:
  Code code(std::uint64_t address) const {
    const std::array<std::uint64_t, 2> words = {word(address), word(address + 8)};
    Code bytes;
    std::memcpy(bytes.data(), words.data(), bytes.size());
    return bytes;
  }
  void resume(__ptrace_request how, long signal) {
    ptrace(how, pid_, nullptr, signal);
    wait();
  }

  pid_t pid_;
  int status_ = 0;
  std::unordered_map<std::uint64_t, Kind> kinds_;
};

void add(Counts& counts, Kind kind) {
  ++counts.instructions;
  counts.conditional += kind == Kind::kConditional;
  counts.indirect += kind == Kind::kIndirect;
  counts.direct += kind == Kind::kDirect;
  counts.returns += kind == Kind::kReturn;
  counts.locked += kind == Kind::kLocked;
}

// From the mark through the call to its return, what lies in `code`; false when it does not come to an end.
bool count_call(Child& child, const Span& code, Counts& counts) {
  if (!child.step()) return false;
  user_regs_struct at = child.registers();
  const std::uint64_t frame = at.rsp;
  const std::uint64_t home = child.word(frame);
  std::size_t steps = 0;
  while (at.rip != home || at.rsp <= frame) {
    const Kind kind = child.kind_at(at.rip);
    const std::uint64_t before = at.rip;
    if (code.has(before)) add(counts, kind);
    ++steps;
    do {  // a repeated string instruction counts once, however many rounds it takes
      if (!child.step()) return false;
      at = child.registers();
    } while (kind == Kind::kRepeatedString && at.rip == before);
    if (steps > kMostInstructions) return false;
  }
  return true;
}

}  // namespace

Trace trace_path(const std::string& path, const std::string& library) {
  stay_on_this_cpu();
  const pid_t pid = fork();
  if (pid == 0) become_child(path, library);
  Child child(pid);
  if (pid < 0 || !child.wait() || !WIFSTOPPED(child.status())) return {Outcome::kImpossible, 0, {}};
  ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_EXITKILL);

  Trace trace{Outcome::kCounted, 0, {}};
  while (child.run_to_mark()) {
    Counts counts;
    if (!count_call(child, code_of(pid, library), counts)) {
      child.kill();
      return {Outcome::kEndless, 0, {}};
    }
    trace.calls.push_back(counts);
  }
  const bool ended_well = WIFEXITED(child.status()) && WEXITSTATUS(child.status()) == 0;
  trace.status =
      WIFEXITED(child.status()) ? WEXITSTATUS(child.status()) : 128 + WTERMSIG(child.status());
  if (!ended_well || trace.calls.empty()) trace.outcome = Outcome::kChildFailed;
  return trace;
}

}  // namespace count_path
