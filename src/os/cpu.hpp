// Cpu: how many processors this process may use.
#pragma once

namespace hakmem::os {

// Processors in this process's affinity mask; at least 1.
unsigned effective_cpus();

}  // namespace hakmem::os
