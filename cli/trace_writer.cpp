// Writes traces; see trace_file.hpp. Block n lies at address 16 n, so no address is used twice.
#include <fmt/format.h>
#include <zlib.h>

#include <charconv>
#include <map>
#include <memory>
#include <optional>

#include "trace/format.hpp"
#include "trace_file.hpp"

namespace hakmem::cli {
namespace {

using trace::ChunkHeader;
using trace::ChunkKind;

constexpr std::size_t kChunkBytes = 64 * 1024;

using Bytes = std::vector<std::byte>;

void add_number(Bytes& bytes, std::uint64_t value) {
  std::byte number[trace::kMaxNumberBytes];
  bytes.insert(bytes.end(), number, trace::put_number(number, value));
}

void add_text(Bytes& bytes, std::string_view text) {
  add_number(bytes, text.size());
  const auto* start = reinterpret_cast<const std::byte*>(text.data());
  bytes.insert(bytes.end(), start, start + text.size());
}

// A site's name, "module+0xoffset"; a name of another form is a module without an offset.
struct SiteName {
  std::string module;
  std::uint64_t offset = trace::kNoOffset;
};

SiteName parse_site(const std::string& name) {
  const std::size_t plus = name.rfind("+0x");
  if (plus == std::string::npos) return {name};
  std::uint64_t offset = 0;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + plus + 3, end, offset, 16);
  const bool plain = parsed.ec == std::errc() && parsed.ptr == end &&
                     name == fmt::format("{}+0x{:x}", name.substr(0, plus), offset);
  return plain ? SiteName{name.substr(0, plus), offset} : SiteName{name};
}

// A chunk that is being filled.
struct Chunk {
  ChunkHeader header{};
  Bytes content;
  trace::Cursor cursor;
};

class FileWriter {
 public:
  FileWriter(const std::string& path, const Trace& trace)
      : path_(path),
        trace_(trace),
        file_(::gzopen(path.c_str(), path.ends_with(".gz") ? "wb9" : "wbT"), ::gzclose) {
    if (!file_) fail();
  }

  void write() {
    write_header();
    write_sites();
    std::uint64_t last_ns = 0;
    for (const Event& event : trace_.events) {
      add(event, last_ns);
      last_ns = event.time_ns;
    }
    for (auto& [thread, chunk] : open_) write_chunk(chunk);
    if (!trace_.truncated) write_end();
    if (::gzclose(file_.release()) != Z_OK) fail();
  }

 private:
  [[noreturn]] void fail() const { throw TraceError(fmt::format("cannot write {}", path_)); }

  void put(const void* bytes, std::size_t length) {
    if (length == 0) return;
    if (::gzwrite(file_.get(), bytes, static_cast<unsigned>(length)) <= 0) fail();
  }

  void write_header() {
    trace::FileHeader header{};
    std::memcpy(header.magic, trace::kFileMagic, sizeof header.magic);
    header.version = trace::kVersion;
    header.checksum = checksum_of(header);
    put(&header, sizeof header);
  }

  void write_chunk(Chunk& chunk) {
    ChunkHeader& header = chunk.header;
    if (header.count == 0 && header.kind != ChunkKind::kEnd) return;
    header.magic = trace::kChunkMagic;
    header.length = chunk.content.size();
    header.lost = trace_.lost;
    header.checksum = checksum_of(header, chunk.content.data());
    put(&header, sizeof header);
    put(chunk.content.data(), chunk.content.size());
    chunk.content.clear();
    header.count = 0;
  }

  void write_sites() {
    Chunk modules, sites;
    modules.header.kind = ChunkKind::kModules;
    sites.header.kind = ChunkKind::kSites;
    std::map<std::string, std::uint64_t> numbers;
    for (std::size_t site = 1; site < trace_.sites.size(); ++site) {
      const SiteName name = parse_site(trace_.sites[site]);
      const auto module = numbers.emplace(name.module, numbers.size() + 1);
      if (module.second) {
        add_number(modules.content, module.first->second);
        add_text(modules.content, name.module);
        add_text(modules.content, "");  // no build id
        ++modules.header.count;
      }
      for (const std::uint64_t value : {std::uint64_t{site}, module.first->second, name.offset}) {
        add_number(sites.content, value);
      }
      ++sites.header.count;
    }
    write_chunk(modules);
    write_chunk(sites);
  }

  void add(const Event& event, std::uint64_t last_ns) {
    if (event.time_ns < last_ns) {
      throw TraceError(fmt::format("cannot write {}: its events are not in time order", path_));
    }
    Chunk& chunk = open_[event.thread];
    if (chunk.header.count == 0) {
      chunk.header.kind = ChunkKind::kEvents;
      chunk.header.thread = event.thread;
      chunk.header.first_ns = event.time_ns;
      chunk.cursor = {event.time_ns, 0};
    }
    std::byte bytes[trace::kMaxEventBytes];
    const std::byte* end = trace::put_event(bytes, in_file(event), chunk.cursor);
    chunk.content.insert(chunk.content.end(), static_cast<const std::byte*>(bytes), end);
    ++chunk.header.count;
    if (chunk.content.size() >= kChunkBytes) write_chunk(chunk);
  }

  static trace::FileEvent in_file(const Event& event) {
    trace::FileEvent result;
    result.time_ns = event.time_ns;
    result.address = result.old_address = event.block * 16;
    result.size = event.size;
    result.site = event.site;
    result.kind = event.op == Op::kAllocate ? trace::EventKind::kAllocate
                  : event.op == Op::kFree   ? trace::EventKind::kFree
                                            : trace::EventKind::kResize;
    return result;
  }

  void write_end() {
    Chunk end;
    end.header.kind = ChunkKind::kEnd;
    end.header.first_ns = trace_.end_ns;
    write_chunk(end);
  }

  std::string path_;
  const Trace& trace_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
  std::map<std::uint32_t, Chunk> open_;  // by thread
};

}  // namespace

void write_trace(const std::string& path, const Trace& trace) { FileWriter(path, trace).write(); }

}  // namespace hakmem::cli
