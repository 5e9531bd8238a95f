/* ioctl requests on files, namespaces, devices and descriptors. */
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/input.h>
#include <linux/loop.h>
#include <linux/nsfs.h>
#include <linux/random.h>
#include <linux/rtc.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static long control(int descriptor, unsigned long request, void *argument) {
    return syscall(SYS_ioctl, descriptor, request, argument);
}

static void files(void) {
    char name[] = "/tmp/abitrace-requests";
    int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (write(file, "data", 4) != 4) return;
    int flags = 0;
    control(file, FS_IOC_GETFLAGS, &flags);
    flags |= FS_NODUMP_FL;
    control(file, FS_IOC_SETFLAGS, &flags);
    struct fsxattr attributes = {0};
    control(file, FS_IOC_FSGETXATTR, &attributes);
    control(file, FS_IOC_FSSETXATTR, &attributes);
    struct { struct fiemap map; struct fiemap_extent extents[2]; } map = {
        .map = {.fm_length = ~0ULL, .fm_flags = FIEMAP_FLAG_SYNC, .fm_extent_count = 2}};
    control(file, FS_IOC_FIEMAP, &map);
    struct file_clone_range range = {.src_fd = -1, .src_length = 4096, .dest_offset = 8192};
    control(file, FICLONERANGE, &range);
    control(file, FICLONE, (void *)(long)file);
    struct { struct file_dedupe_range range; struct file_dedupe_range_info info[3]; } same = {
        .range = {.src_length = 4096, .dest_count = 3},
        .info = {{.dest_fd = -1}, {.dest_fd = -1, .dest_offset = 4096}, {.dest_fd = -1}}};
    control(file, FIDEDUPERANGE, &same);
    char label[FSLABEL_MAX] = "label";
    control(-1, FS_IOC_SETFSLABEL, label);
    struct fstrim_range trim = {.start = 16, .len = 4096, .minlen = 512};
    control(-1, FITRIM, &trim);
    control(file, FIONBIO, &flags);
    control(file, FIOCLEX, 0);
    control(file, FIONCLEX, 0);
    unlink(name);
}

static void namespaces(void) {
    int space = open("/proc/self/ns/uts", O_RDONLY);
    control(space, NS_GET_NSTYPE, 0);
    control(space, NS_GET_USERNS, 0);
    int owner = open("/proc/self/ns/user", O_RDONLY);
    unsigned uid = 0;
    control(owner, NS_GET_OWNER_UID, &uid);
    control(owner, NS_GET_PARENT, 0);
}

static void devices(void) {
    unsigned long long size = 1024, pair[2] = {0, 512};
    int number = 5;
    control(-1, BLKGETSIZE64, &size);
    control(-1, BLKROSET, &number);
    control(-1, BLKDISCARD, pair);
    control(-1, BLKRASET, (void *)16);
    control(-1, BLKRRPART, 0);
    struct hd_geometry geometry;
    control(-1, HDIO_GETGEO, &geometry);
    struct loop_info64 loop = {.lo_offset = 512, .lo_number = 3, .lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR,
                               .lo_file_name = "image"};
    control(-1, LOOP_SET_STATUS64, &loop);
    struct loop_config config = {.fd = 4, .block_size = 512, .info = {.lo_file_name = "image"}};
    control(-1, LOOP_CONFIGURE, &config);
    control(-1, LOOP_SET_FD, (void *)7);
    control(-1, LOOP_CTL_GET_FREE, 0);
    struct rtc_time when = {.tm_mday = 1, .tm_year = 100};
    control(-1, RTC_SET_TIME, &when);
    struct rtc_wkalrm alarm = {.enabled = 1, .time = when};
    control(-1, RTC_WKALM_SET, &alarm);
    control(-1, RTC_IRQP_SET, (void *)64);
    int random = open("/dev/urandom", O_RDWR);
    control(random, RNDADDTOENTCNT, &number);
    struct { struct rand_pool_info info; char more[8]; } pool = {{.entropy_count = 0, .buf_size = 8}, "entropy"};
    control(-1, RNDADDENTROPY, &pool);
    control(-1, EVIOCGVERSION, &number);
    control(-1, EVIOCGNAME(64), &number);
    control(-1, EVIOCGABS(ABS_X), &number);
    control(-1, EVIOCGBIT(EV_KEY, 96), &number);
    control(-1, EVIOCGRAB, (void *)1);
    control(-1, _IOW('z', 77, long), 0);
    control(-1, _IO('z', 78), (void *)0x10);
}

static void faults(void) {
    long descriptor = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    struct uffdio_api api = {.api = UFFD_API};
    control(descriptor, UFFDIO_API, &api);
    char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register area = {.range = {(unsigned long)page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    control(descriptor, UFFDIO_REGISTER, &area);
    struct uffdio_zeropage zero = {.range = area.range};
    control(descriptor, UFFDIO_ZEROPAGE, &zero);
    struct uffdio_copy copy = {.dst = (unsigned long)page, .src = (unsigned long)page, .len = 4096};
    control(descriptor, UFFDIO_COPY, &copy);
    control(descriptor, UFFDIO_UNREGISTER, &area.range);
}

int main(void) {
    files();
    namespaces();
    devices();
    faults();
    return 0;
}
