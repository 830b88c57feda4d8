// Annotations: clang's thread-safety analysis, spelled once; nothing under other compilers.
// Source of the names: clang's ThreadSafetyAnalysis documentation.
#pragma once

#if defined(__clang__)
#define HAK_ANNOTATE(x) __attribute__((x))
#else
#define HAK_ANNOTATE(x)
#endif

#define HAK_CAPABILITY(name) HAK_ANNOTATE(capability(name))
#define HAK_SCOPED_CAPABILITY HAK_ANNOTATE(scoped_lockable)
#define HAK_ACQUIRE(...) HAK_ANNOTATE(acquire_capability(__VA_ARGS__))
#define HAK_TRY_ACQUIRE(...) HAK_ANNOTATE(try_acquire_capability(__VA_ARGS__))
#define HAK_RELEASE(...) HAK_ANNOTATE(release_capability(__VA_ARGS__))
#define HAK_GUARDED_BY(lock) HAK_ANNOTATE(guarded_by(lock))
#define HAK_REQUIRES(...) HAK_ANNOTATE(requires_capability(__VA_ARGS__))
#define HAK_UNCHECKED HAK_ANNOTATE(no_thread_safety_analysis)
