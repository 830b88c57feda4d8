# Writes a C++ source file to stdout: much of the standard library, and COUNT classes that use it, each with types of its
# own, so that every template is instantiated anew.
# usage: make_cpp.sh COUNT
cat <<'END'
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

bool is_word(const std::string& text) { return std::regex_match(text, std::regex("[a-z]+(-[a-z]+)*")); }
END
awk -v count="$1" 'BEGIN {
  for (i = 0; i < count; ++i) {
    printf "struct Item%d { int key; std::string name; std::vector<double> values; };\n", i
    printf "struct Store%d {\n", i
    printf "  std::map<std::string, Item%d> by_name;\n  std::unordered_map<int, std::shared_ptr<Item%d>> by_key;\n", i, i
    printf "  void add(Item%d item) {\n", i
    printf "    by_key.emplace(item.key, std::make_shared<Item%d>(item));\n    by_name[item.name] = std::move(item);\n  }\n", i
    printf "  double total() const {\n    std::vector<Item%d> items;\n", i
    printf "    for (const auto& [name, item] : by_name) items.push_back(item);\n"
    printf "    std::sort(items.begin(), items.end(), [](const Item%d& a, const Item%d& b) { return a.key < b.key; });\n", i, i
    printf "    return std::accumulate(items.begin(), items.end(), 0.0, [](double sum, const Item%d& item) {\n", i
    printf "      return sum + std::accumulate(item.values.begin(), item.values.end(), 0.0);\n    });\n  }\n"
    printf "  std::string text() const {\n    std::ostringstream out;\n    out << by_key.size() << %d << total();\n", i
    printf "    return out.str();\n  }\n};\ntemplate class std::vector<Item%d>;\n", i
    printf "std::string use%d() { Store%d store; store.add({%d, \"n\", {1, 2}}); return store.text(); }\n", i, i, i
  }
}'
printf '%s\n' 'int main() { std::cout << is_word("a-b") << std::endl; }'
