// The environment handed to a program: a list of NAME=VALUE strings that can be edited and passed
// to execve, and the rule by which a library is put in front of the existing preloads.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hakmem::cli {

class Environment {
 public:
  Environment() = default;
  explicit Environment(std::vector<std::string> entries) : entries_(std::move(entries)) {}

  // A copy of this process's environment.
  static Environment inherited();

  void set(std::string_view name, std::string_view value);
  void unset(std::string_view name);
  std::optional<std::string> get(std::string_view name) const;

  // Null-terminated, valid until the next change; what execve wants.
  std::vector<char*> pointers();

 private:
  std::vector<std::string> entries_;
};

// `library` in front of `existing` (colons or blanks between, as ld.so takes them), without naming
// the library twice.
std::string prepend_preload(std::string_view library, std::string_view existing);

}  // namespace hakmem::cli
