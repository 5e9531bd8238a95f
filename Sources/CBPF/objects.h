// What a descriptor, a working directory or a root stands for: its identity, its name part by part, a socket's ends.
#ifndef ABITRACE_OBJECTS_H
#define ABITRACE_OBJECTS_H

#include "desk.h"

// The root that names are told from: the supervisor's.
unsigned long long root_entry = 0, root_mount = 0;

// SOCKFS_MAGIC, NSFS_MAGIC (linux/magic.h)
#define SOCKETS 0x534F434B
#define NAMESPACES 0x6E736673
// AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (linux/socket.h); TCP_SYN_SENT and TCP_CLOSE (net/tcp_states.h)
#define FAMILY_UNIX 1
#define FAMILY_INET 2
#define FAMILY_INET6 10
#define FAMILY_NETLINK 16
#define CONNECTING 2
#define UNCONNECTED 7

// Adds one part of a name, its length before it.
static __always_inline void add_part(struct desk *desk, unsigned int length, const void *bytes) {
    unsigned int at = desk->offset;
    if (at > ABITRACE_PIECE_LIMIT) return;
    // NAME_MAX (linux/limits.h)
    if (length > 255) length = 255;
    desk->bytes[at] = length;
    bpf_probe_read_kernel(desk->bytes + at + 1, length & 255, bytes);
    desk->offset = at + 1 + length;
}

static __always_inline void add_name(struct desk *desk, struct dentry *entry) {
    add_part(desk, MEMBER(entry, d_name.len), MEMBER(entry, d_name.name));
}

// One step up, as the kernel goes where it makes a path of a directory entry (fs/d_path.c).
static long climb(unsigned int index, void *context) {
    struct desk *desk = take_desk();
    if (!desk) return 1;
    struct dentry *entry = (void *)desk->entry;
    struct mount *mount = (void *)desk->mount;
    desk->has_arrived = true;
    if (desk->entry == root_entry && desk->mount == root_mount) return 1;
    if (entry == MEMBER(mount, mnt.mnt_root)) {
        struct mount *above = MEMBER(mount, mnt_parent);
        if (above == mount) return 1;
        desk->entry = (unsigned long long)MEMBER(mount, mnt_mountpoint);
        desk->mount = (unsigned long long)above;
    } else {
        struct dentry *parent = MEMBER(entry, d_parent);
        if (parent == entry) return 1;
        add_name(desk, entry);
        desk->entry = (unsigned long long)parent;
    }
    desk->has_arrived = false;
    return 0;
}

static __always_inline unsigned long long mount_of(struct vfsmount *mount) {
    return (unsigned long long)mount - bpf_core_field_offset(struct mount, mnt);
}

// What the kernel calls an object that no directory has.
static __always_inline void add_own_name(struct desk *desk, struct dentry *entry, struct inode *inode,
                                         unsigned int file_system) {
    if (file_system == NAMESPACES) {
        struct ns_common *space = MEMBER(inode, i_private);
        struct proc_ns_operations *operations = MEMBER(space, ops);
        const char *name = MEMBER(operations, name);
        // "pid_for_children" is the longest.
        char text[24] = {};
        long length = bpf_probe_read_kernel_str(text, sizeof text, name);
        add_part(desk, length > 0 ? length - 1 : 0, name);
    } else {
        add_name(desk, entry);
    }
    desk->has_arrived = true;
}

// Adds an object; `what` says what it is to the thread.
static __always_inline void add_object(struct desk *desk, unsigned long long what, unsigned long long entry_address,
                                       unsigned long long mount_address) {
    unsigned int at = desk->offset;
    if (at > ABITRACE_PIECE_LIMIT || desk->pieces >= 255) {
        desk->cut = true;
        return;
    }
    struct abitrace_piece *piece = (void *)(desk->bytes + at);
    struct abitrace_kernel_object *object = (void *)(desk->bytes + at + sizeof *piece);
    unsigned int start = at + sizeof *piece + sizeof *object;
    struct dentry *entry = (void *)entry_address;
    struct vfsmount *mount = (void *)mount_address;
    struct inode *inode = MEMBER(entry, d_inode);
    struct super_block *block = MEMBER(inode, i_sb);
    struct dentry *parent = MEMBER(entry, d_parent);
    struct dentry_operations *operations = MEMBER(entry, d_op);
    unsigned int file_system = MEMBER(block, s_magic);
    object->mode = MEMBER(inode, i_mode);
    object->inode = MEMBER(inode, i_ino);
    object->device = MEMBER(block, s_dev);
    object->special_device = MEMBER(inode, i_rdev);
    object->file_system = file_system;
    object->is_deleted = parent != entry && !MEMBER(entry, d_hash.pprev);
    bool names_itself = operations && MEMBER(operations, d_dname) &&
                        (parent != entry || entry != MEMBER(mount, mnt_root));
    object->names_itself = names_itself;
    desk->offset = start;
    if (names_itself) {
        add_own_name(desk, entry, inode, file_system);
    } else {
        desk->has_arrived = false;
        desk->entry = entry_address;
        desk->mount = mount_of(mount);
        bpf_loop(ABITRACE_NAME_PARTS, climb, 0, 0);
    }
    unsigned int end = desk->offset;
    object->is_named = desk->has_arrived;
    object->name_bytes = end - start;
    piece->address = what;
    piece->count = end - at - sizeof *piece;
    piece->error = 0;
    piece->phase = ABITRACE_OF_OBJECT;
    piece->instruction = desk->instruction;
    desk->pieces++;
    desk->offset = (end + 7) & ~7U;
}

// Run by the supervisor, once.
SEC("syscall")
int find_root(void *context) {
    struct task_struct *task = bpf_get_current_task_btf();
    struct fs_struct *places = MEMBER(task, fs);
    root_entry = (unsigned long long)MEMBER(places, root.dentry);
    root_mount = mount_of(MEMBER(places, root.mnt));
    return 0;
}

// MARK: Sockets

static __always_inline void tell_inet(struct abitrace_ends *ends, struct sock *socket, bool is_connected) {
    struct inet_sock *inet = (void *)socket;
    struct abitrace_address_4 *local = (void *)ends->local, *peer = (void *)ends->peer;
    local->family = peer->family = FAMILY_INET;
    local->port = MEMBER(inet, inet_sport);
    local->address = MEMBER(socket, __sk_common.skc_rcv_saddr);
    if (!local->address) local->address = MEMBER(inet, inet_saddr);
    ends->local_length = sizeof *local;
    if (!is_connected) return;
    peer->port = MEMBER(socket, __sk_common.skc_dport);
    peer->address = MEMBER(socket, __sk_common.skc_daddr);
    ends->peer_length = sizeof *peer;
}

static __always_inline void tell_inet6(struct abitrace_ends *ends, struct sock *socket, bool is_connected) {
    struct inet_sock *inet = (void *)socket;
    struct abitrace_address_6 *local = (void *)ends->local, *peer = (void *)ends->peer;
    int interface = MEMBER(socket, __sk_common.skc_bound_dev_if);
    local->family = peer->family = FAMILY_INET6;
    local->port = MEMBER(inet, inet_sport);
    bpf_core_read(&local->address, 16, &socket->__sk_common.skc_v6_rcv_saddr);
    if (!(local->address[0] | local->address[1] | local->address[2] | local->address[3])) {
        struct ipv6_pinfo *more = MEMBER(inet, pinet6);
        bpf_core_read(&local->address, 16, &more->saddr);
    }
    // fe80::/10 alone belongs to an interface (ipv6(7)).
    if ((local->address[0] & 0xC0FF) == 0x80FE) local->scope = interface;
    ends->local_length = sizeof *local;
    if (!is_connected) return;
    peer->port = MEMBER(socket, __sk_common.skc_dport);
    bpf_core_read(&peer->address, 16, &socket->__sk_common.skc_v6_daddr);
    if ((peer->address[0] & 0xC0FF) == 0x80FE) peer->scope = interface;
    ends->peer_length = sizeof *peer;
}

// The address of a unix socket; one without a name has its family alone (unix(7)).
static __always_inline unsigned short tell_unix_end(unsigned char *to, struct sock *socket) {
    struct unix_address *address = MEMBER((struct unix_sock *)socket, addr);
    unsigned int length = address ? MEMBER(address, len) : 0;
    *(unsigned short *)to = FAMILY_UNIX;
    if (length < 2 || length > 110) return 2;
    bpf_probe_read_kernel(to, length, (void *)address + bpf_core_field_offset(struct unix_address, name));
    return length;
}

static __always_inline void tell_unix(struct abitrace_ends *ends, struct sock *socket) {
    ends->local_length = tell_unix_end(ends->local, socket);
    struct sock *peer = MEMBER((struct unix_sock *)socket, peer);
    if (!peer) return;
    ends->peer_length = tell_unix_end(ends->peer, peer);
    struct socket *file = MEMBER(peer, sk_socket);
    // One that nobody has accepted yet has none.
    if (!file) return;
    struct inode *inode = (void *)file + bpf_core_field_offset(struct socket_alloc, vfs_inode);
    ends->peer_inode = MEMBER(inode, i_ino);
}

static __always_inline void tell_netlink(struct abitrace_ends *ends, struct sock *socket) {
    struct netlink_sock *netlink = (void *)socket;
    struct abitrace_address_netlink *local = (void *)ends->local, *peer = (void *)ends->peer;
    local->family = peer->family = FAMILY_NETLINK;
    local->port = MEMBER(netlink, portid);
    unsigned long *groups = MEMBER(netlink, groups);
    if (groups) bpf_probe_read_kernel(&local->groups, sizeof local->groups, groups);
    peer->port = MEMBER(netlink, dst_portid);
    unsigned int group = MEMBER(netlink, dst_group);
    peer->groups = group ? 1U << ((group - 1) & 31) : 0;
    ends->local_length = ends->peer_length = sizeof *local;
}

// Adds a socket's ends, as getsockname(2) and getpeername(2) would answer.
__noinline int add_socket(unsigned long long what, unsigned long long address) {
    struct desk *desk = take_desk();
    if (!desk) return 0;
    unsigned int at = desk->offset;
    if (at > ABITRACE_PIECE_LIMIT || desk->pieces >= 255) {
        desk->cut = true;
        return 0;
    }
    struct sock *socket = (void *)address;
    struct abitrace_piece *piece = (void *)(desk->bytes + at);
    struct abitrace_ends *ends = (void *)(desk->bytes + at + sizeof *piece);
    __builtin_memset(ends, 0, sizeof *ends);
    ends->family = MEMBER(socket, __sk_common.skc_family);
    ends->type = MEMBER(socket, sk_type);
    ends->protocol_number = MEMBER(socket, sk_protocol);
    unsigned char state = MEMBER(socket, __sk_common.skc_state);
    bool is_connected = MEMBER(socket, __sk_common.skc_dport) && state != UNCONNECTED && state != CONNECTING;
    if (ends->family == FAMILY_INET)
        tell_inet(ends, socket, is_connected);
    else if (ends->family == FAMILY_INET6)
        tell_inet6(ends, socket, is_connected);
    else if (ends->family == FAMILY_UNIX && bpf_core_type_exists(struct unix_sock))
        tell_unix(ends, socket);
    else if (ends->family == FAMILY_NETLINK && bpf_core_type_exists(struct netlink_sock))
        tell_netlink(ends, socket);
    piece->address = what;
    piece->count = sizeof *ends;
    piece->error = 0;
    piece->phase = ABITRACE_OF_SOCKET;
    piece->instruction = desk->instruction;
    desk->pieces++;
    desk->offset = at + sizeof *piece + sizeof *ends;
    return 0;
}

// MARK: What a thread has

// Adds what a descriptor stands for; where there is a `family`, only of sockets that are of it.
__noinline int add_descriptor(unsigned int number, unsigned int family) {
    struct desk *desk = take_desk();
    if (!desk) return 0;
    struct task_struct *task = bpf_get_current_task_btf();
    struct files_struct *files = MEMBER(task, files);
    struct fdtable *table = MEMBER(files, fdt);
    if (number >= MEMBER(table, max_fds)) return 0;
    struct file *file = 0;
    bpf_probe_read_kernel(&file, sizeof file, MEMBER(table, fd) + number);
    if (!file) return 0;
    struct dentry *entry = MEMBER(file, f_path.dentry);
    struct inode *inode = MEMBER(entry, d_inode);
    struct super_block *block = MEMBER(inode, i_sb);
    struct sock *end = 0;
    if ((unsigned int)MEMBER(block, s_magic) == SOCKETS) {
        struct socket *socket = MEMBER(file, private_data);
        end = MEMBER(socket, sk);
    }
    if (family && (!end || MEMBER(end, __sk_common.skc_family) != family)) return 0;
    unsigned long long what = (unsigned long long)ABITRACE_A_DESCRIPTOR << 32 | number;
    add_object(desk, what, (unsigned long long)entry, (unsigned long long)MEMBER(file, f_path.mnt));
    if (end) add_socket(what, (unsigned long long)end);
    return 0;
}

// Adds the working directory or the root.
__noinline int add_place(unsigned int which) {
    struct desk *desk = take_desk();
    if (!desk) return 0;
    struct task_struct *task = bpf_get_current_task_btf();
    struct fs_struct *places = MEMBER(task, fs);
    struct path *path = which == ABITRACE_ROOT ? &places->root : &places->pwd;
    unsigned long long what =
        (unsigned long long)(which == ABITRACE_ROOT ? ABITRACE_THE_ROOT : ABITRACE_THE_WORKING_DIRECTORY) << 32;
    add_object(desk, what, (unsigned long long)MEMBER(path, dentry), (unsigned long long)MEMBER(path, mnt));
    return 0;
}

// Where in control data a walk is, and where the descriptors end that a control message has brought.
struct passage {
    unsigned int piece, at, end, next;
};

// A step: one descriptor, or the head of a control message. SCM_RIGHTS and SCM_PIDFD bring descriptors (unix(7)).
static long pass(unsigned int index, void *context) {
    struct desk *desk = take_desk();
    if (!desk) return 1;
    struct passage *passage = context;
    unsigned int piece = passage->piece, at = passage->at, word = desk->word;
    if (at + 4 <= passage->end) {
        passage->at = at + 4;
        add_descriptor(from_piece(piece, at, 4), 0);
        return 0;
    }
    at = passage->next;
    unsigned long long size = from_piece(piece, at, word);
    if (size < word + 8 || size > ABITRACE_PIECE_LIMIT) return 1;
    passage->next = at + ((size + word - 1) & ~(word - 1));
    unsigned int type = from_piece(piece, at + word + 4, 4);
    if (from_piece(piece, at + word, 4) != 1 || (type != 1 && type != 4)) return 0;
    passage->at = at + word + 8;
    passage->end = at + size;
    return 0;
}

// Adds the descriptors that control data has brought: SCM_MAX_FD of them (net/scm.h), and the heads.
static __always_inline void add_passed(struct desk *desk, unsigned int piece) {
    struct passage passage = {.piece = piece};
    bpf_loop(253 + 16, pass, &passage, 0);
}

#endif
