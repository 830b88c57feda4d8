// fork, set limits and environment, exec; the parent drains both pipes until the child closes them.
#include "support/child.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace support {
namespace {

struct Pipe {
  Pipe() {
    if (pipe(ends) != 0) std::abort();
  }
  int ends[2];
};

[[noreturn]] void become(const ChildPlan& plan, const Pipe& out, const Pipe& err) {
  dup2(out.ends[1], STDOUT_FILENO);
  dup2(err.ends[1], STDERR_FILENO);
  for (const Pipe* used : {&out, &err}) {
    close(used->ends[0]);
    close(used->ends[1]);
  }
  std::vector<char*> arguments;
  for (const std::string& argument : plan.command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  for (const auto& [name, value] : plan.environment) setenv(name.c_str(), value.c_str(), 1);
  for (const Limit& limit : plan.limits) {
    const rlimit both = {limit.value, limit.value};
    if (setrlimit(limit.resource, &both) != 0) _exit(126);
  }
  if (plan.user != 0 && (setgid(plan.user) != 0 || setuid(plan.user) != 0)) _exit(126);
  alarm(plan.seconds);
  execv(arguments[0], arguments.data());
  _exit(127);
}

void drain(int out, int err, ChildResult& result) {
  pollfd sources[] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
  std::string* const sinks[] = {&result.out, &result.err};
  for (int open_sources = 2; open_sources > 0;) {
    if (poll(sources, 2, -1) < 0) continue;
    for (int i = 0; i < 2; ++i) {
      if (sources[i].fd < 0 || sources[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t length = read(sources[i].fd, buffer, sizeof buffer);
      if (length > 0) {
        sinks[i]->append(buffer, static_cast<std::size_t>(length));
      } else {
        close(sources[i].fd);
        sources[i].fd = -1;
        --open_sources;
      }
    }
  }
}

}  // namespace

ChildResult run_child(const ChildPlan& plan) {
  const Pipe out;
  const Pipe err;
  const pid_t child = fork();
  if (child == 0) become(plan, out, err);
  close(out.ends[1]);
  close(err.ends[1]);
  ChildResult result;
  drain(out.ends[0], err.ends[0], result);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  return result;
}

ChildResult run_preloaded(ChildPlan plan) {
  plan.environment.emplace_back("LD_PRELOAD", HAKMEM_LIBRARY);
  return run_child(plan);
}

}  // namespace support
