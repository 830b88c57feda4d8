// See environment.hpp.
#include "environment.hpp"

#include <unistd.h>

namespace hakmem::cli {
namespace {

bool names(std::string_view entry, std::string_view name) {
  return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
}

}  // namespace

Environment Environment::inherited() {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) entries.emplace_back(*entry);
  return Environment(std::move(entries));
}

void Environment::set(std::string_view name, std::string_view value) {
  unset(name);
  entries_.push_back(std::string(name) + "=" + std::string(value));
}

void Environment::unset(std::string_view name) {
  std::erase_if(entries_, [&](const std::string& entry) { return names(entry, name); });
}

std::optional<std::string> Environment::get(std::string_view name) const {
  for (const std::string& entry : entries_) {
    if (names(entry, name)) return entry.substr(name.size() + 1);
  }
  return std::nullopt;
}

std::vector<char*> Environment::pointers() {
  std::vector<char*> result;
  result.reserve(entries_.size() + 1);
  for (std::string& entry : entries_) result.push_back(entry.data());
  result.push_back(nullptr);
  return result;
}

std::string prepend_preload(std::string_view library, std::string_view existing) {
  std::string result(library);
  while (!existing.empty()) {
    const std::size_t end = existing.find_first_of(": ");
    const std::string_view entry = existing.substr(0, end);
    if (!entry.empty() && entry != library) result.append(":").append(entry);
    if (end == std::string_view::npos) break;
    existing.remove_prefix(end + 1);
  }
  return result;
}

}  // namespace hakmem::cli
