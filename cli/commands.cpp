// What the sub-commands share; see commands.hpp.
#include "commands.hpp"

#include <memory>

namespace hakmem::cli {
namespace {

class FixedUsage : public CLI::Formatter {
 public:
  explicit FixedUsage(std::string usage) : usage_(std::move(usage)) {}
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: " + usage_ + "\n";
  }

 private:
  std::string usage_;
};

}  // namespace

void set_usage(CLI::App& app, const std::string& usage) {
  const auto formatter = std::make_shared<FixedUsage>(usage);
  formatter->column_width(34);
  app.formatter(formatter);
}

}  // namespace hakmem::cli
