// What the compiler cases compile: enough templates to make a compiler allocate.
#include <map>
#include <memory>
#include <string>
#include <vector>

template <int Depth>
struct Tower {
    std::vector<int> counts = std::vector<int>(Depth);
    std::map<int, std::string> names;
    Tower<Depth - 1> below;

    int sum(int start) const {
        for (int count : counts) start += count;
        return below.sum(start + static_cast<int>(names.size()));
    }
};

template <>
struct Tower<0> {
    int sum(int start) const { return start; }
};

int towers() {
    return Tower<12>().sum(1) + std::make_unique<Tower<11>>()->sum(2);
}

std::string census(const std::vector<std::string>& words) {
    std::map<std::string, std::map<std::size_t, std::string>> table;
    for (const std::string& word : words) table[word.substr(0, 2)][word.size()] += word;
    std::string text;
    for (const auto& [key, row] : table) {
        for (const auto& [length, all] : row) text += key + std::to_string(length) + all;
    }
    return text;
}
