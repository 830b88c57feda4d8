// Fork: the child of a threaded program finds every lock free and every record whole.
#pragma once

namespace hakmem {

void watch_forks();

}  // namespace hakmem
