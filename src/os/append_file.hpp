// Append file: writing to the end of a file without keeping it open, so that a program that closes
// or renumbers descriptors it does not know does no harm, nor suffers any.
//
// Above: trace. Below: the kernel. None of these sets errno. Any thread; one at a time for a file.
#pragma once

#include <cstddef>

namespace hakmem::os {

enum class Existing { kRefuse, kReplace };

// Makes an empty file that only its owner may read. False when it cannot, or may not.
bool create_file(const char* path, Existing existing);

// Adds both pieces, or nothing. False when the file is not there or the pieces did not fit.
bool append_to_file(const char* path, const void* first, std::size_t first_bytes,
                    const void* second, std::size_t second_bytes);

}  // namespace hakmem::os
