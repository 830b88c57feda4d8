// Profile: the file of HAKMEM_PROFILE, read at start and written at exit.
//
// Above: boot, hak. Below: large, learn, os.
#pragma once

namespace hakmem {

// Before any block is idle. A file that is not there yet is no mistake; one that cannot be used is
// named on stderr and ignored.
void load_profile();

// What the file held at start and what was learned since. False with errno set: EINVAL when there
// is no HAKMEM_PROFILE or nothing is learned in this mode, EIO when the file cannot be written,
// EPERM when the program has given up system calls, ENOMEM.
bool save_profile();

}  // namespace hakmem
