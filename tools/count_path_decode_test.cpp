// Which bytes are branches, which lock: one instruction of each encoding that compilers emit.
#include "count_path_decode.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

namespace count_path {
namespace {

Kind kind_of(std::initializer_list<std::uint8_t> bytes) {
  Code code{};
  std::copy(bytes.begin(), bytes.end(), code.begin());
  return classify(code);
}

TEST(Decode, ConditionalJumps) {
  EXPECT_EQ(kind_of({0x74, 0x05}), Kind::kConditional);                          // je, short
  EXPECT_EQ(kind_of({0x0F, 0x85, 0x00, 0x01, 0x00, 0x00}), Kind::kConditional);  // jne, near
  EXPECT_EQ(kind_of({0x2E, 0x0F, 0x84, 0, 0, 0, 0}), Kind::kConditional);        // je with a hint
  EXPECT_EQ(kind_of({0xE3, 0x05}), Kind::kConditional);                          // jrcxz
  EXPECT_EQ(kind_of({0x0F, 0x44, 0xC1}), Kind::kOther);                          // cmove
  EXPECT_EQ(kind_of({0x0F, 0x94, 0xC0}), Kind::kOther);                          // sete
}

TEST(Decode, DirectJumpsAndCalls) {
  EXPECT_EQ(kind_of({0xE8, 0, 0, 0, 0}), Kind::kDirect);
  EXPECT_EQ(kind_of({0xE9, 0, 0, 0, 0}), Kind::kDirect);
  EXPECT_EQ(kind_of({0xEB, 0x10}), Kind::kDirect);
}

TEST(Decode, IndirectJumpsAndCalls) {
  EXPECT_EQ(kind_of({0xFF, 0xE0}), Kind::kIndirect);                    // jmp *%rax
  EXPECT_EQ(kind_of({0x41, 0xFF, 0xE3}), Kind::kIndirect);              // jmp *%r11
  EXPECT_EQ(kind_of({0xF2, 0xFF, 0x25, 0, 0, 0, 0}), Kind::kIndirect);  // bnd jmp *x(%rip)
  EXPECT_EQ(kind_of({0x3E, 0xFF, 0xD0}), Kind::kIndirect);              // notrack call *%rax
  EXPECT_EQ(kind_of({0xFF, 0x00}), Kind::kOther);                       // incl (%rax)
  EXPECT_EQ(kind_of({0xFF, 0xF0}), Kind::kOther);                       // push %rax
}

TEST(Decode, Returns) {
  EXPECT_EQ(kind_of({0xC3}), Kind::kReturn);
  EXPECT_EQ(kind_of({0xF3, 0xC3}), Kind::kReturn);
  EXPECT_EQ(kind_of({0xC2, 0x08, 0x00}), Kind::kReturn);
}

TEST(Decode, LockedOperations) {
  EXPECT_EQ(kind_of({0xF0, 0x0F, 0xC1, 0x07}), Kind::kLocked);        // lock xadd
  EXPECT_EQ(kind_of({0xF0, 0x48, 0x0F, 0xB1, 0x0F}), Kind::kLocked);  // lock cmpxchg
  EXPECT_EQ(kind_of({0x66, 0xF0, 0xFF, 0x07}), Kind::kLocked);        // lock inc, prefix before it
  EXPECT_EQ(kind_of({0x48, 0x87, 0x07}), Kind::kLocked);              // xchg with memory
  EXPECT_EQ(kind_of({0x48, 0x87, 0xC1}), Kind::kOther);               // xchg of registers
  EXPECT_EQ(kind_of({0x48, 0x0F, 0xB1, 0x0F}), Kind::kOther);         // cmpxchg, not locked
}

TEST(Decode, RepeatedStrings) {
  EXPECT_EQ(kind_of({0xF3, 0x48, 0xAB}), Kind::kRepeatedString);  // rep stos
  EXPECT_EQ(kind_of({0xF3, 0xA4}), Kind::kRepeatedString);        // rep movs
  EXPECT_EQ(kind_of({0x48, 0xAB}), Kind::kOther);                 // stos, once
}

TEST(Decode, OthersThatLookSimilar) {
  EXPECT_EQ(kind_of({0xF3, 0x0F, 0x1E, 0xFA}), Kind::kOther);        // endbr64
  EXPECT_EQ(kind_of({0x64, 0x48, 0x8B, 0x04, 0x25}), Kind::kOther);  // mov %fs:..., %rax
  EXPECT_EQ(kind_of({0xC5, 0xF8, 0x77}), Kind::kOther);              // vzeroupper
  EXPECT_EQ(kind_of({0xA9, 0xFF, 0x01, 0, 0}), Kind::kOther);        // test imm, %eax
}

}  // namespace
}  // namespace count_path
