// Where a record is put together.
#ifndef ABITRACE_DESK_H
#define ABITRACE_DESK_H

#include "kernel.h"
#include "records.h"

// A record while it is put together, and what is known while that goes on. Tracepoints of calls run with preemption
// off, so that one for each processor does.
struct desk {
    unsigned int offset;
    unsigned int pieces;
    unsigned int first;
    unsigned int mask;
    unsigned int phase;
    unsigned int word;
    bool incomplete;
    bool cut;
    // Of the instruction in hand.
    unsigned int instruction;
    unsigned int limit;
    unsigned int list;
    unsigned int list_length;
    unsigned long long left;
    unsigned long long address;
    // The list whose elements are gone through, and where the element in hand begins.
    unsigned int each;
    unsigned int each_at;
    // How far the instructions have gone that were carried out for each element.
    unsigned int done;
    // Where a name is on its way to the root, and whether it has arrived.
    bool has_arrived;
    unsigned long long entry;
    unsigned long long mount;
    unsigned long long arguments[6];
    unsigned long long stack_pointer;
    long long result;
    // Where each instruction's memory lies, and how much there is.
    unsigned int place[ABITRACE_CALL_INSTRUCTIONS];
    unsigned int length[ABITRACE_CALL_INSTRUCTIONS];
    unsigned char bytes[2 * ABITRACE_PIECE_LIMIT + 256];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, unsigned int);
    __type(value, struct desk);
} desks SEC(".maps");

static __always_inline struct desk *take_desk(void) {
    unsigned int processor = bpf_get_smp_processor_id();
    return bpf_map_lookup_elem(&desks, &processor);
}

// A number in memory that an earlier instruction has read; 0 where it is not there.
__noinline unsigned long long from_piece(unsigned int which, unsigned int offset, unsigned int width) {
    struct desk *desk = take_desk();
    if (!desk) return 0;
    which &= ABITRACE_CALL_INSTRUCTIONS - 1;
    if (offset + width > desk->length[which]) return 0;
    unsigned int at = desk->place[which] + offset;
    if (at > 2 * ABITRACE_PIECE_LIMIT) return 0;
    unsigned char *place = desk->bytes + at;
    if (width == 8) return *(unsigned long long *)place;
    if (width == 4) return *(unsigned int *)place;
    if (width == 2) return *(unsigned short *)place;
    return *place;
}

#endif
