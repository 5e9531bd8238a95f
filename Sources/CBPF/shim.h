#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "records.h"

// The positions of a ring are shared with the kernel (Documentation/bpf/ringbuf.rst).
static inline unsigned long abitrace_acquire(const unsigned long *place) {
    return __atomic_load_n(place, __ATOMIC_ACQUIRE);
}
static inline unsigned int abitrace_acquire_length(const unsigned int *place) {
    return __atomic_load_n(place, __ATOMIC_ACQUIRE);
}
static inline void abitrace_release(unsigned long *place, unsigned long value) {
    __atomic_store_n(place, value, __ATOMIC_RELEASE);
}
// Of full strength: what is looked at next must not be older than this.
static inline void abitrace_exchange(unsigned int *place, unsigned int value) {
    __atomic_store_n(place, value, __ATOMIC_SEQ_CST);
}
