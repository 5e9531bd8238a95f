/* Calls on the address space. */
#define _GNU_SOURCE
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int main(void) {
    char *pages = mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    mmap(0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26 | MAP_FIXED, -1, 0);
    mmap(0, 4096, PROT_NONE, MAP_SHARED_VALIDATE | MAP_SYNC | MAP_STACK | MAP_GROWSDOWN, -1, 4096);
    mmap(0, 4096, 0x100, 0, -1, 4096);
    unsigned char present[4];
    syscall(SYS_mincore, pages, 16384, present);
    syscall(SYS_mincore, pages, 16384, 0);
    madvise(pages, 4096, MADV_DONTNEED);
    madvise(pages, 4096, MADV_POPULATE_WRITE);
    madvise(pages, 4096, 77);
    mprotect(pages, 4096, PROT_READ | PROT_EXEC);
    msync(pages, 4096, MS_SYNC | MS_INVALIDATE);
    mlock2(pages, 4096, MLOCK_ONFAULT);
    munlock(pages, 4096);
    mlockall(8);
    mremap(pages, 4096, 8192, MREMAP_MAYMOVE);
    mremap(pages, 4096, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, 1);
    unsigned long nodes[2] = {1, 0};
    int mode;
    syscall(SYS_get_mempolicy, &mode, nodes, 64, 0, 0);
    syscall(SYS_get_mempolicy, &mode, 0, 0, pages, MPOL_F_ADDR | MPOL_F_NODE);
    syscall(SYS_set_mempolicy, MPOL_BIND | MPOL_F_STATIC_NODES, nodes, 0);
    syscall(SYS_mbind, pages, 4096, MPOL_INTERLEAVE, nodes, 64, MPOL_MF_STRICT | MPOL_MF_MOVE);
    syscall(SYS_mbind, pages, 4096, MPOL_DEFAULT, 0, 0, 0);
    void *list[2] = {pages, 0};
    int where[2] = {0, 5}, status[2];
    syscall(SYS_move_pages, 0, 2, list, where, status, MPOL_MF_MOVE);
    syscall(SYS_move_pages, 0, 2, list, 0, status, 0);
    syscall(SYS_migrate_pages, -1, 64, nodes, nodes);
    struct iovec range = {pages, 4096};
    syscall(SYS_process_madvise, -1, &range, 1, MADV_COLD, 0);
    syscall(SYS_process_mrelease, -1, 0);
    syscall(SYS_pkey_alloc, 0, 3);
    syscall(SYS_pkey_mprotect, pages, 4096, PROT_READ, -1);
    syscall(SYS_pkey_free, 99);
    syscall(SYS_remap_file_pages, pages, 4096, 0, 0, 0x10000);
    syscall(SYS_set_mempolicy_home_node, pages, 4096, 0, 0);
    return 0;
}
