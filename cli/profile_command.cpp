// `hakmem profile show|merge|diff|export`: what programs under HAKMEM_PROFILE have learned.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "commands.hpp"
#include "profile_report.hpp"

namespace hakmem::cli {
namespace {

struct ProfileFlags {
  std::vector<std::string> files;
  std::string output;
  double price = 0.125;
};

struct Actions {
  CLI::App* show;
  CLI::App* merge;
  CLI::App* diff;
  CLI::App* export_app;
};

bool with_colours() { return ::isatty(STDOUT_FILENO) == 1; }

int merge_files(const ProfileFlags& flags) {
  const auto sum = std::make_unique<learn::Profile>();
  for (const std::string& file : flags.files) {
    if (learn::merge(*sum, *read_profile(file))) continue;
    throw ProfileError(
        fmt::format("{} brings more sites ({}) or growths ({}) than a profile holds; nothing is "
                    "written",
                    file, learn::Profile::kMaxSites, learn::Profile::kMaxGrowths));
  }
  write_profile(*sum, flags.output);
  return 0;
}

int diff_files(const ProfileFlags& flags) {
  const ProfilePointer a = read_profile(flags.files[0]);
  const ProfilePointer b = read_profile(flags.files[1]);
  const std::string text = profile_diff(*a, *b, flags.price, with_colours());
  fmt::print("{}", text);
  return text.empty() ? 0 : kFailure;
}

int run(const Actions& actions, const ProfileFlags& flags) {
  if (actions.merge->parsed()) return merge_files(flags);
  if (actions.diff->parsed()) return diff_files(flags);
  const ProfilePointer profile = read_profile(flags.files[0]);
  fmt::print("{}", actions.show->parsed() ? profile_text(*profile, flags.price, with_colours())
                                          : profile_ndjson(*profile));
  return 0;
}

CLI::App* add_action(CLI::App& app, const char* name, const char* what, ProfileFlags& flags, int files) {
  CLI::App* action = app.add_subcommand(name, what);
  action->add_option("files", flags.files, "profiles")
      ->type_name("FILE")
      ->required()
      ->expected(files == 0 ? 1 : files, files == 0 ? 1 << 20 : files);
  return action;
}

void add_price(CLI::App& app, ProfileFlags& flags) {
  app.add_option("--price", flags.price, "CPU seconds a GiB-second, for the arms (default 0.125)")
      ->check(CLI::PositiveNumber.description(""))
      ->type_name("X");
}

}  // namespace

Command add_profile_command(CLI::App& app) {
  CLI::App* profile = app.add_subcommand("profile", "Show, merge and compare what was learned");
  set_usage(*profile, "hakmem profile show|merge|diff|export FILE...");
  profile->require_subcommand(1);
  const auto flags = std::make_shared<ProfileFlags>();
  Actions actions{};
  actions.show = add_action(*profile, "show", "contexts and their arms, sites, growths", *flags, 1);
  actions.merge = add_action(*profile, "merge", "add profiles up (needs -o)", *flags, 0);
  actions.diff =
      add_action(*profile, "diff", "contexts and growths that differ; exits with 1 if any", *flags, 2);
  actions.export_app = add_action(*profile, "export", "one JSON object a line", *flags, 1);
  add_price(*actions.show, *flags);
  add_price(*actions.diff, *flags);
  actions.merge->add_option("-o,--output", flags->output, "where the sum goes")
      ->type_name("FILE")
      ->required();
  return {profile, [flags, actions](const Program&) { return run(actions, *flags); }};
}

}  // namespace hakmem::cli
