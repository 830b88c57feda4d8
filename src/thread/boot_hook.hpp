// Boot, as the thread layer sees it: defined by api/boot.cpp, which wires everything.
#pragma once

namespace hakmem {

// Makes the allocator ready, on the first call; cheap afterwards. Any thread.
void boot();

}  // namespace hakmem
