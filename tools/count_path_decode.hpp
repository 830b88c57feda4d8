// Tells branches and locked operations from other x86-64 instructions, by prefixes and opcode
// alone.
//
// Just enough decoding for counting: no lengths, no operands. The processor itself steps from one
// instruction to the next (count_path_trace.cpp); this says what kind each one was.
//
//   [legacy prefixes: lock, rep, size, segment] [REX] opcode [ModRM: mod(2) reg(3) rm(3)] ...
//
// VEX and EVEX instructions (0xC5, 0xC4, 0x62) are arithmetic, never branches and never locked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace count_path {

enum class Kind {
  kOther,
  kConditional,    // jcc, jrcxz, loop
  kIndirect,       // jmp and call through a register or through memory
  kDirect,         // jmp and call to a fixed place
  kReturn,         // ret
  kLocked,         // lock prefix, or xchg with memory, which locks by itself
  kRepeatedString  // rep movs, stos ...: the processor stops after each round of it
};

// The first bytes of an instruction, as many as prefixes, opcode and ModRM can take.
using Code = std::array<std::uint8_t, 16>;

namespace detail {

struct Prefixes {
  std::size_t length = 0;
  bool lock = false;
  bool repeat = false;
};

inline Prefixes read_prefixes(const Code& code) {
  Prefixes prefixes;
  for (; prefixes.length < code.size() - 3; ++prefixes.length) {
    switch (code[prefixes.length]) {
      case 0xF0:
        prefixes.lock = true;
        continue;
      case 0xF2:
      case 0xF3:
        prefixes.repeat = true;
        continue;
      case 0x26:
      case 0x2E:
      case 0x36:
      case 0x3E:
      case 0x64:
      case 0x65:
      case 0x66:
      case 0x67:
        continue;
      default:
        break;
    }
    break;
  }
  if ((code[prefixes.length] & 0xF0) == 0x40) ++prefixes.length;  // REX stands last
  return prefixes;
}

inline bool is_conditional(std::uint8_t opcode, std::uint8_t second) {
  const bool jcc_short = (opcode & 0xF0) == 0x70;
  const bool jcc_near = opcode == 0x0F && (second & 0xF0) == 0x80;
  const bool loop_or_jrcxz = opcode >= 0xE0 && opcode <= 0xE3;
  return jcc_short || jcc_near || loop_or_jrcxz;
}

// Group 5: /2 and /3 are calls, /4 and /5 jumps.
inline bool is_indirect(std::uint8_t opcode, std::uint8_t modrm) {
  const unsigned reg = (modrm >> 3) & 7;
  return opcode == 0xFF && reg >= 2 && reg <= 5;
}

// movs, cmps, stos, lods, scas; test (0xA8, 0xA9) lies between them.
inline bool is_string(std::uint8_t opcode) {
  return opcode >= 0xA4 && opcode <= 0xAF && opcode != 0xA8 && opcode != 0xA9;
}

inline bool is_memory_exchange(std::uint8_t opcode, std::uint8_t modrm) {
  return (opcode == 0x86 || opcode == 0x87) && (modrm & 0xC0) != 0xC0;
}

}  // namespace detail

inline Kind classify(const Code& code) {
  const detail::Prefixes prefixes = detail::read_prefixes(code);
  const std::uint8_t opcode = code[prefixes.length];
  const std::uint8_t second = code[prefixes.length + 1];
  if (prefixes.lock || detail::is_memory_exchange(opcode, second)) return Kind::kLocked;
  if (prefixes.repeat && detail::is_string(opcode)) return Kind::kRepeatedString;
  if (detail::is_conditional(opcode, second)) return Kind::kConditional;
  if (detail::is_indirect(opcode, second)) return Kind::kIndirect;
  if (opcode == 0xE8 || opcode == 0xE9 || opcode == 0xEB) return Kind::kDirect;
  if (opcode == 0xC2 || opcode == 0xC3) return Kind::kReturn;
  return Kind::kOther;
}

}  // namespace count_path
