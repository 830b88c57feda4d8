// Reads traces; see trace_file.hpp. Writing is in trace_writer.cpp.
#include "trace_file.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>

#include "trace_order.hpp"

namespace hakmem::cli {
namespace {

using trace::ChunkHeader;
using trace::ChunkKind;
using trace::FileHeader;

// zlib passes on what is not compressed as it is. A compressed file that ends early gives what is
// whole, as a plain one does.
std::string read_bytes(const std::string& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(::gzopen(path.c_str(), "rb"), ::gzclose);
  if (!file) throw TraceError(fmt::format("cannot read {}", path));
  ::gzbuffer(file.get(), 1 << 16);
  std::string bytes;
  for (;;) {
    constexpr std::size_t kPiece = 1 << 16;
    const std::size_t before = bytes.size();
    bytes.resize(before + kPiece);
    const int count = ::gzread(file.get(), bytes.data() + before, kPiece);
    bytes.resize(before + static_cast<std::size_t>(std::max(count, 0)));
    if (count > 0) continue;
    int error = Z_OK;
    ::gzerror(file.get(), &error);
    if (error == Z_ERRNO) throw TraceError(fmt::format("cannot read {}", path));
    if (error != Z_OK && error != Z_BUF_ERROR) {
      throw TraceError(fmt::format("{} is damaged: its compressed data make no sense", path));
    }
    return bytes;
  }
}

class FileReader {
 public:
  explicit FileReader(const std::string& path) : path_(path), bytes_(read_bytes(path)) {
    input_.at = reinterpret_cast<const std::byte*>(bytes_.data());
    input_.end = input_.at + bytes_.size();
  }

  Trace read() {
    read_header();
    while (read_chunk()) {
    }
    trace_.truncated = !ended_;
    name_sites();
    put_in_order(threads_, header_.from > 0, trace_);
    const std::uint64_t last_ns = trace_.events.empty() ? 0 : trace_.events.back().time_ns;
    trace_.end_ns = std::max(trace_.end_ns, last_ns);
    return std::move(trace_);
  }

 private:
  struct Site {
    std::uint64_t module;
    std::uint64_t offset;
  };

  [[noreturn]] void fail_damaged(const char* what) const {
    const auto* start = reinterpret_cast<const std::byte*>(bytes_.data());
    throw TraceError(
        fmt::format("{} is damaged before byte {}: {}", path_, input_.at - start, what));
  }

  void read_header() {
    const std::size_t count = std::min(bytes_.size(), sizeof header_);
    std::memcpy(&header_, bytes_.data(), count);
    if (count < sizeof header_.magic ||
        std::memcmp(header_.magic, trace::kFileMagic, sizeof header_.magic) != 0) {
      throw TraceError(fmt::format("{} is no trace of hakmem", path_));
    }
    if (count >= offsetof(FileHeader, process_id) && header_.version != trace::kVersion) {
      throw TraceError(fmt::format("{} is a trace of version {}; this command reads version {}",
                                   path_, header_.version, trace::kVersion));
    }
    if (count < sizeof header_) throw TraceError(fmt::format("{} ends within its header", path_));
    input_.at += sizeof header_;
    if (header_.checksum != checksum_of(header_)) fail_damaged("the header's checksum is wrong");
  }

  // False at the end of what is whole.
  bool read_chunk() {
    if (ended_ && input_.left() > 0) fail_damaged("something follows the end");
    ChunkHeader header{};
    if (input_.left() < sizeof header) return false;
    std::memcpy(&header, input_.at, sizeof header);
    if (header.magic != trace::kChunkMagic) fail_damaged("no chunk begins there");
    if (input_.left() - sizeof header < header.length) return check_cut(header);
    input_.at += sizeof header;
    const trace::Input content{input_.at, input_.at + header.length};
    input_.at = content.end;
    if (header.checksum != checksum_of(header, content.at)) fail_damaged("a checksum is wrong");
    read_content(header, content);
    trace_.lost = std::max(trace_.lost, header.lost);
    return true;
  }

  // A chunk that is longer than the file: the file was cut, or its length is damaged. Whoever
  // writes traces keeps chunks below kMaxChunkBytes.
  bool check_cut(const ChunkHeader& header) const {
    if (header.length > trace::kMaxChunkBytes) fail_damaged("a chunk is too long");
    return false;
  }

  void read_content(const ChunkHeader& header, trace::Input content) {
    switch (header.kind) {
      case ChunkKind::kEvents:
        read_events(header, content);
        break;
      case ChunkKind::kModules:
        read_modules(header, content);
        break;
      case ChunkKind::kSites:
        read_sites(header, content);
        break;
      case ChunkKind::kEnd:
        trace_.end_ns = header.first_ns;
        ended_ = true;
        break;
      default:
        fail_damaged("a chunk is of no known kind");
    }
    if (content.left() > 0) fail_damaged("a chunk holds more than it says");
  }

  void read_events(const ChunkHeader& header, trace::Input& content) {
    const auto place = thread_places_.emplace(header.thread, threads_.size());
    if (place.second) threads_.emplace_back();
    std::vector<trace::FileEvent>& events = threads_[place.first->second].events;
    trace::Cursor cursor{header.first_ns, 0};
    for (std::uint32_t i = 0; i < header.count; ++i) {
      trace::FileEvent event;
      if (!get_event(content, &event, cursor)) fail_damaged("an event makes no sense");
      events.push_back(event);
    }
  }

  std::uint64_t number(trace::Input& content) const {
    std::uint64_t value = 0;
    if (!get_number(content, &value)) fail_damaged("a number makes no sense");
    return value;
  }

  std::string text(trace::Input& content) const {
    const std::uint64_t length = number(content);
    if (content.left() < length) fail_damaged("a text is too long");
    const auto* start = reinterpret_cast<const char*>(content.at);
    content.at += length;
    return {start, length};
  }

  void read_modules(const ChunkHeader& header, trace::Input& content) {
    for (std::uint32_t i = 0; i < header.count; ++i) {
      const std::uint64_t module = number(content);
      modules_[module] = text(content);
      text(content);  // the build id: kept in the file for other readers
    }
  }

  void read_sites(const ChunkHeader& header, trace::Input& content) {
    for (std::uint32_t i = 0; i < header.count; ++i) {
      const std::uint64_t site = number(content);
      const std::uint64_t module = number(content);
      sites_[site] = {module, number(content)};
    }
  }

  std::string site_name(std::uint64_t number) const {
    const auto site = sites_.find(number);
    if (site == sites_.end()) return "unknown";
    const auto module = modules_.find(site->second.module);
    if (module == modules_.end()) return "unknown";
    if (site->second.offset == trace::kNoOffset) return module->second;
    return fmt::format("{}+0x{:x}", module->second, site->second.offset);
  }

  // Replaces the file's numbers of sites by indexes into Trace::sites. Definitions may stand behind
  // their first use, so this comes last.
  void name_sites() {
    std::map<std::string, std::uint32_t> places{{"unknown", 0}};
    std::unordered_map<std::uint64_t, std::uint32_t> indexes{{0, 0}};
    trace_.sites = {"unknown"};
    for (ThreadEvents& thread : threads_) {
      for (trace::FileEvent& event : thread.events) {
        const auto known = indexes.find(event.site);
        if (known != indexes.end()) {
          event.site = known->second;
          continue;
        }
        const std::string name = site_name(event.site);
        const auto place = places.emplace(name, trace_.sites.size());
        if (place.second) trace_.sites.push_back(name);
        indexes.emplace(event.site, place.first->second);
        event.site = place.first->second;
      }
    }
  }

  std::string path_;
  std::string bytes_;
  trace::Input input_{};
  FileHeader header_{};
  bool ended_ = false;
  std::map<std::uint32_t, std::size_t> thread_places_;  // of a thread's number in threads_
  std::vector<ThreadEvents> threads_;
  std::map<std::uint64_t, std::string> modules_;
  std::map<std::uint64_t, Site> sites_;
  Trace trace_;
};

}  // namespace

Trace read_trace(const std::string& path) { return FileReader(path).read(); }

}  // namespace hakmem::cli
