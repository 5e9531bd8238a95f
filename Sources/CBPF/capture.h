// Reads what a call's row asks for, by instructions that user space compiles from the spec: memory, and what descriptors
// stand for. Nothing here knows any call.
#ifndef ABITRACE_CAPTURE_H
#define ABITRACE_CAPTURE_H

#include "desk.h"
#include "objects.h"

const volatile unsigned int vector_limit = 32;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2 * ABITRACE_NUMBERS);
    __type(key, unsigned int);
    __type(value, struct abitrace_row);
} rows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16384);
    __type(key, struct abitrace_choice);
    __type(value, struct abitrace_row);
} choices SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, ABITRACE_INSTRUCTIONS);
    __type(key, unsigned int);
    __type(value, struct abitrace_instruction);
} instructions SEC(".maps");

// What is left of an address's page.
static __always_inline unsigned int to_page_end(unsigned long long address) { return 4096 - (address & 4095); }

// Text in the kernel's own memory.
#define OF_THE_KERNEL 2

// Reads a piece of memory. What lies beyond a page that is not there is left out. A function of its own right, so that
// the kernel proves it once.
__noinline int add(unsigned long long address, unsigned int count, unsigned int is_text) {
    struct desk *desk = take_desk();
    if (!desk) return 0;
    desk->list_length = 0;
    unsigned int at = desk->offset;
    if (at > ABITRACE_PIECE_LIMIT || desk->pieces >= 255) {
        desk->cut = true;
        return 0;
    }
    if (count > ABITRACE_PIECE_LIMIT) count = ABITRACE_PIECE_LIMIT;
    struct abitrace_piece *piece = (void *)(desk->bytes + at);
    void *bytes = desk->bytes + at + sizeof *piece;
    unsigned short error = 0;
    long answer;
    if (is_text) {
        answer = is_text == OF_THE_KERNEL ? bpf_probe_read_kernel_str(bytes, count + 1, (void *)address)
                                          : bpf_probe_read_user_str(bytes, count + 1, (void *)address);
        // One byte more than wanted: there is no NUL among those that are.
        if (answer >= 0 && answer <= count) count = answer;
    } else {
        answer = bpf_probe_read_user(bytes, count, (void *)address);
    }
    if (answer < 0) {
        error = EFAULT;
        if (desk->phase == ABITRACE_AT_ENTRY) desk->incomplete = true;
        unsigned int first = to_page_end(address);
        if (first < count && bpf_probe_read_user(bytes, first, (void *)address) == 0)
            count = first;
        else
            count = 0;
    }
    piece->address = address;
    piece->count = count;
    piece->error = error;
    piece->phase = desk->phase;
    piece->instruction = desk->instruction;
    desk->pieces++;
    desk->offset = at + sizeof *piece + ((count + 7) & ~7U);
    desk->list = at + sizeof *piece;
    desk->list_length = count;
    return 0;
}

static __always_inline unsigned long long listed(struct desk *desk, unsigned int offset) {
    unsigned int at = desk->list + offset;
    if (offset + desk->word > desk->list_length || at > 2 * ABITRACE_PIECE_LIMIT) return 0;
    unsigned char *place = desk->bytes + at;
    return desk->word == 8 ? *(unsigned long long *)place : *(unsigned int *)place;
}

static long read_vector(unsigned int index, void *context) {
    struct desk *desk = take_desk();
    if (!desk) return 1;
    unsigned int list = desk->list, length = desk->list_length;
    unsigned int at = index * 2 * desk->word;
    if (at + 2 * desk->word > length) return 1;
    unsigned long long base = listed(desk, at), count = listed(desk, at + desk->word);
    if (count > desk->left) count = desk->left;
    desk->left -= count;
    if (count > desk->limit) count = desk->limit;
    if (base && count) add(base, count, 0);
    desk->list = list;
    desk->list_length = length;
    return 0;
}

static long read_listed_text(unsigned int index, void *context) {
    struct desk *desk = take_desk();
    if (!desk) return 1;
    unsigned int list = desk->list, length = desk->list_length;
    unsigned long long pointer = listed(desk, index * desk->word);
    if (!pointer) return 1;
    unsigned int limit = desk->limit;
    if (limit > 4096) limit = 4096;
    add(pointer, limit, 1);
    desk->list = list;
    desk->list_length = length;
    return 0;
}

// Whether one of the pointers that were read last is null.
__noinline int has_null(void) {
    struct desk *desk = take_desk();
    if (!desk) return 1;
    for (unsigned int at = 0; at < 512; at += 8) {
        if (at + 8 > desk->list_length) break;
        unsigned int place = desk->list + at;
        if (place > 2 * ABITRACE_PIECE_LIMIT) return 1;
        unsigned int *words = (unsigned int *)(desk->bytes + place);
        if (desk->word == 8 ? !(words[0] | words[1]) : !words[0] || !words[1]) return 1;
    }
    return 0;
}

static long read_pointers(unsigned int index, void *context) {
    struct desk *desk = take_desk();
    if (!desk) return 1;
    unsigned int room = to_page_end(desk->address);
    if (room > 512) room = 512;
    add(desk->address, room, 0);
    if (desk->list_length < desk->word) return 1;
    if (has_null()) return 1;
    desk->address += desk->list_length;
    return 0;
}

static __always_inline unsigned long long narrow(struct desk *desk, unsigned long long address) {
    return desk->word == 8 ? address : address & 0xFFFFFFFF;
}

// Where the element in hand begins, for what a list has whose elements are gone through.
static __always_inline unsigned int element_offset(struct desk *desk, unsigned int source) {
    return source == desk->each ? desk->each_at : 0;
}

static __always_inline unsigned long long base_of(struct desk *desk, struct abitrace_instruction *instruction) {
    unsigned int base = instruction->base;
    unsigned long long address = 0;
    if (base < 6)
        address = desk->arguments[base];
    else if (base == ABITRACE_FROM_STACK)
        address = desk->stack_pointer;
    else if (base >= ABITRACE_FROM_PIECE)
        address = from_piece(
            base - ABITRACE_FROM_PIECE, element_offset(desk, base) + instruction->base_offset, instruction->base_width);
    return address ? narrow(desk, address + instruction->displacement) : 0;
}

static __always_inline unsigned long long count_of(struct desk *desk, struct abitrace_instruction *instruction) {
    unsigned int count = instruction->count;
    if (count < 6) {
        unsigned long long number = desk->arguments[count];
        return instruction->count_width == 4 ? number & 0xFFFFFFFF : narrow(desk, number);
    }
    if (count == ABITRACE_FROM_RESULT) return desk->result > 0 ? desk->result : 0;
    // _IOC_SIZE (asm-generic/ioctl.h)
    if (count == ABITRACE_FROM_REQUEST) return desk->arguments[1] >> 16 & 0x3FFF;
    if (count == ABITRACE_FROM_NOTHING) return 0;
    return from_piece(
        count - ABITRACE_FROM_PIECE, element_offset(desk, count) + instruction->count_offset, instruction->count_width);
}

// Adds what an instruction asks about that is no memory.
static __always_inline void ask(struct desk *desk, struct abitrace_instruction *instruction) {
    switch (instruction->kind) {
    case ABITRACE_DESCRIPTOR:
        add_descriptor(count_of(desk, instruction), instruction->unit);
        break;
    case ABITRACE_PASSED:
        add_passed(desk, instruction->base - ABITRACE_FROM_PIECE);
        break;
    default:
        add_place(instruction->kind);
    }
}

// Carries one instruction out. A function of its own right, so that the kernel proves it once.
__noinline int obey_one(unsigned int index) {
    struct desk *desk = take_desk();
    if (!desk) return 0;
    unsigned int which = desk->first + index;
    struct abitrace_instruction *instruction = bpf_map_lookup_elem(&instructions, &which);
    if (!instruction) return 0;
    index &= ABITRACE_CALL_INSTRUCTIONS - 1;
    desk->length[index] = 0;
    if (!(instruction->phase & desk->mask)) return 0;
    desk->instruction = index;
    if (instruction->kind >= ABITRACE_DESCRIPTOR) {
        ask(desk, instruction);
        return 0;
    }
    unsigned long long address = base_of(desk, instruction);
    if (!address) return 0;
    desk->list_length = 0;
    unsigned long long count = count_of(desk, instruction);
    unsigned int limit = instruction->limit;
    // AF_NETLINK (linux/socket.h)
    bool is_netlink = instruction->address && from_piece(instruction->address - 1, 0, 2) == 16;
    if (is_netlink) limit = instruction->fixed;
    switch (instruction->kind) {
    case ABITRACE_BYTES: {
        unsigned long long size = instruction->address ? 0 : instruction->fixed;
        if (count > limit) count = limit;
        size += count * instruction->unit;
        if (size > limit) size = limit;
        if (!size) return 0;
        add(address, size, 0);
        break;
    }
    case ABITRACE_TEXT:
        if (limit > 4096) limit = 4096;
        add(address, limit, 1);
        break;
    case ABITRACE_VECTOR:
        if (count > vector_limit) count = vector_limit;
        if (!count) return 0;
        desk->limit = limit;
        desk->left = desk->phase == ABITRACE_AT_ENTRY || !instruction->unit ? ~0ULL
                     : desk->result > 0                                    ? desk->result
                                                                           : 0;
        add(address, count * 2 * desk->word, 0);
        desk->place[index] = desk->list;
        desk->length[index] = desk->list_length;
        if (count > 1024) count = 1024;
        bpf_loop(count, read_vector, 0, 0);
        return 0;
    case ABITRACE_TEXTS:
        desk->limit = limit;
        add(address, (vector_limit + 1) * desk->word, 0);
        bpf_loop(vector_limit > 1024 ? 1024 : vector_limit, read_listed_text, 0, 0);
        return 0;
    case ABITRACE_POINTERS:
        desk->address = address;
        bpf_loop(64, read_pointers, 0, 0);
        return 0;
    }
    desk->place[index] = desk->list;
    desk->length[index] = desk->list_length;
    return 0;
}

// What is gone through: the body's first instruction and how many there are, and how long an element is.
struct walk {
    unsigned int first, count, stride;
};

static long take_step(unsigned int index, void *context) {
    struct walk *walk = context;
    struct desk *desk = take_desk();
    if (!desk || !walk->count) return 1;
    desk->each_at = index / walk->count * walk->stride;
    obey_one(walk->first + index % walk->count);
    return 0;
}

// Carries the instructions that follow out for each element of a list.
__noinline int go_through(unsigned int index) {
    struct desk *desk = take_desk();
    if (!desk) return 0;
    unsigned int which = desk->first + index;
    struct abitrace_instruction *instruction = bpf_map_lookup_elem(&instructions, &which);
    if (!instruction) return 0;
    desk->done = index + 1 + instruction->fixed;
    if (!(instruction->phase & desk->mask)) return 0;
    unsigned long long count = count_of(desk, instruction);
    if (count > instruction->limit) count = instruction->limit;
    if (count > 1024) count = 1024;
    struct walk walk = {.first = index + 1, .count = instruction->fixed, .stride = instruction->unit};
    desk->each = instruction->base;
    bpf_loop(count * (walk.count & (ABITRACE_CALL_INSTRUCTIONS - 1)), take_step, &walk, 0);
    desk->each = ABITRACE_FROM_NOTHING;
    return 0;
}

static long obey(unsigned int index, void *context) {
    struct desk *desk = take_desk();
    if (!desk) return 1;
    if (index < desk->done) return 0;
    unsigned int which = desk->first + index;
    struct abitrace_instruction *instruction = bpf_map_lookup_elem(&instructions, &which);
    if (!instruction) return 1;
    if (instruction->kind == ABITRACE_EACH)
        go_through(index);
    else if (instruction->phase & desk->mask)
        obey_one(index);
    else
        desk->length[index & (ABITRACE_CALL_INSTRUCTIONS - 1)] = 0;
    return 0;
}

// Carries the instructions out that are for this phase.
static __always_inline void follow(struct desk *desk, struct abitrace_row *row, unsigned int phase, unsigned int mask) {
    desk->phase = phase;
    desk->mask = mask;
    desk->first = row->first;
    desk->done = 0;
    desk->each = ABITRACE_FROM_NOTHING;
    bpf_loop(row->count & (2 * ABITRACE_CALL_INSTRUCTIONS - 1), obey, 0, 0);
}

#endif
