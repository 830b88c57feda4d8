// Fork: the child of a threaded program finds every lock free and every record whole.
#pragma once

namespace hakmem {

void watch_forks();

// Whether a signal handler runs that has interrupted this thread inside a critical section of ours.
bool holds_a_lock();

}  // namespace hakmem
