// See workloads.hpp.
#include "workloads.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string_view>

namespace hakmem::cli {
namespace fs = std::filesystem;
namespace {

bool is_in_program_path(const std::string& command) {
  std::istringstream directories(kProgramPath);
  for (std::string directory; std::getline(directories, directory, ':');) {
    if (::access((fs::path(directory) / command).c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> Workload::command(const std::string& step,
                                           const fs::path& directory) const {
  return {"/bin/sh", script.string(), step, directory.string(), "small"};
}

std::optional<fs::path> find_programs_directory() {
  std::error_code failed;
  const fs::path here = fs::read_symlink("/proc/self/exe", failed).parent_path();
  for (const fs::path& place : {here / "programs", here.parent_path() / "share/hakmem/programs"}) {
    if (fs::is_directory(place, failed)) return place;
  }
  return std::nullopt;
}

Workload parse_header(std::istream& script) {
  Workload workload;
  for (std::string line; std::getline(script, line) && line.starts_with('#');) {
    std::istringstream words(line.substr(1));
    std::string key;
    words >> key;
    if (key == "title:") std::getline(words >> std::ws, workload.title);
    if (key == "set:") workload.full_only = line.ends_with("full only");
    if (key != "needs:") continue;
    for (std::string command; words >> command;) workload.needs.push_back(command);
  }
  return workload;
}

std::vector<Workload> load_workloads(const fs::path& directory) {
  std::vector<Workload> workloads;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() != ".sh") continue;
    std::ifstream script(entry.path());
    Workload workload = parse_header(script);
    if (workload.title.empty()) continue;
    workload.name = entry.path().stem();
    workload.script = entry.path();
    workloads.push_back(std::move(workload));
  }
  std::sort(workloads.begin(), workloads.end(),
            [](const Workload& a, const Workload& b) { return a.name < b.name; });
  return workloads;
}

std::optional<std::string> missing_command(const Workload& workload) {
  for (const std::string& command : workload.needs) {
    if (!is_in_program_path(command)) return command;
  }
  return std::nullopt;
}

}  // namespace hakmem::cli
