// What is read of the kernel's own structs. BTF relocations find each member wherever the running kernel keeps it, so
// that only those are named here that are read.
#ifndef ABITRACE_KERNEL_H
#define ABITRACE_KERNEL_H

#define AS_THE_KERNEL_HAS_IT __attribute__((preserve_access_index))

// A member of one of the kernel's structs. The kernel knows of some pointers what they point to, and would let us read
// there at once; to prove that it looks through all of its types, a millisecond each.
#define MEMBER(place, member)                                                                                          \
    ({                                                                                                                 \
        typeof((place)->member) value = 0;                                                                             \
        bpf_core_read(&value, sizeof value, &(place)->member);                                                         \
        value;                                                                                                         \
    })

// MARK: Threads

struct pt_regs {
    unsigned long bp, bx, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, sp;
} AS_THE_KERNEL_HAS_IT;

struct thread_info {
    unsigned int status;
} AS_THE_KERNEL_HAS_IT;

struct upid {
    int nr;
} AS_THE_KERNEL_HAS_IT;

struct pid {
    struct upid numbers[1];
} AS_THE_KERNEL_HAS_IT;

struct mm_struct {
    unsigned long arg_start, arg_end;
} AS_THE_KERNEL_HAS_IT;

struct linux_binprm {
    const char *filename, *interp;
} AS_THE_KERNEL_HAS_IT;

struct task_struct {
    struct mm_struct *mm;
    struct thread_info thread_info;
    struct task_struct *group_leader;
    struct pid *thread_pid;
    struct files_struct *files;
    struct fs_struct *fs;
    unsigned int ptrace;
    unsigned int __state;
} AS_THE_KERNEL_HAS_IT;

// MARK: Files

struct qstr {
    unsigned int len;
    const unsigned char *name;
} AS_THE_KERNEL_HAS_IT;

struct hlist_bl_node {
    struct hlist_bl_node **pprev;
} AS_THE_KERNEL_HAS_IT;

struct dentry_operations {
    void *d_dname;
} AS_THE_KERNEL_HAS_IT;

struct super_block {
    unsigned int s_dev;
    unsigned long s_magic;
} AS_THE_KERNEL_HAS_IT;

struct inode {
    unsigned short i_mode;
    struct super_block *i_sb;
    unsigned long i_ino;
    unsigned int i_rdev;
    void *i_private;
} AS_THE_KERNEL_HAS_IT;

struct dentry {
    struct hlist_bl_node d_hash;
    struct dentry *d_parent;
    struct qstr d_name;
    struct inode *d_inode;
    struct dentry_operations *d_op;
} AS_THE_KERNEL_HAS_IT;

struct vfsmount {
    struct dentry *mnt_root;
} AS_THE_KERNEL_HAS_IT;

struct mount {
    struct mount *mnt_parent;
    struct dentry *mnt_mountpoint;
    struct vfsmount mnt;
} AS_THE_KERNEL_HAS_IT;

struct path {
    struct vfsmount *mnt;
    struct dentry *dentry;
} AS_THE_KERNEL_HAS_IT;

struct file {
    struct path f_path;
    void *private_data;
} AS_THE_KERNEL_HAS_IT;

struct fdtable {
    unsigned int max_fds;
    struct file **fd;
} AS_THE_KERNEL_HAS_IT;

struct files_struct {
    struct fdtable *fdt;
} AS_THE_KERNEL_HAS_IT;

struct fs_struct {
    struct path root, pwd;
} AS_THE_KERNEL_HAS_IT;

struct proc_ns_operations {
    const char *name;
} AS_THE_KERNEL_HAS_IT;

struct ns_common {
    struct proc_ns_operations *ops;
} AS_THE_KERNEL_HAS_IT;

// MARK: Sockets

struct in6_addr {
    unsigned char bytes[16];
};

struct sock_common {
    unsigned short skc_family, skc_dport;
    unsigned char skc_state;
    int skc_bound_dev_if;
    unsigned int skc_daddr, skc_rcv_saddr;
    struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
} AS_THE_KERNEL_HAS_IT;

struct sock {
    struct sock_common __sk_common;
    unsigned short sk_type, sk_protocol;
    struct socket *sk_socket;
} AS_THE_KERNEL_HAS_IT;

struct socket {
    struct sock *sk;
} AS_THE_KERNEL_HAS_IT;

struct socket_alloc {
    struct socket socket;
    struct inode vfs_inode;
} AS_THE_KERNEL_HAS_IT;

struct ipv6_pinfo {
    struct in6_addr saddr;
} AS_THE_KERNEL_HAS_IT;

struct inet_sock {
    struct ipv6_pinfo *pinet6;
    unsigned int inet_saddr;
    unsigned short inet_sport;
} AS_THE_KERNEL_HAS_IT;

struct sockaddr_un {
    unsigned short sun_family;
} AS_THE_KERNEL_HAS_IT;

struct unix_address {
    int len;
    struct sockaddr_un name[];
} AS_THE_KERNEL_HAS_IT;

struct unix_sock {
    struct unix_address *addr;
    struct sock *peer;
} AS_THE_KERNEL_HAS_IT;

struct netlink_sock {
    unsigned int portid, dst_portid, dst_group;
    unsigned long *groups;
} AS_THE_KERNEL_HAS_IT;

#endif
