// Tries what a sandbox must not do, each in a process of its own, with arguments that would work if it were allowed. Prints
// `errno what`, 0 for success.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/rtnetlink.h>
#include <linux/tcp.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

// It is answered as if it were done, but no dump is longer than the one byte that means none.
static int raise_core_limit(void) {
  struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  int refused = setrlimit(RLIMIT_CORE, &limit);
  if (refused == 0 && getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max > 1) return 0;
  if (refused == 0) errno = EPERM;
  return -1;
}

#define TRY(what, call)                                   \
  do {                                                    \
    fflush(stdout);                                       \
    pid_t child_ = fork();                                \
    if (child_ == 0) {                                    \
      errno = 0;                                          \
      alarm(2);                                           \
      long result_ = (long)(call);                        \
      printf("%d %s\n", result_ < 0 ? errno : 0, what);   \
      fflush(stdout);                                     \
      _exit(0);                                           \
    }                                                     \
    int status_;                                          \
    waitpid(child_, &status_, 0);                         \
    if (!WIFEXITED(status_)) printf("-%d %s\n", WTERMSIG(status_), what); \
  } while (0)

static char page[4096] __attribute__((aligned(4096)));

static long clone_with(unsigned long flags) {
  long child = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
  if (child == 0) _exit(0);
  return child;
}

struct flag { const char *name; unsigned long value; };
static const struct flag namespaces[] = {
  {"NEWNS", CLONE_NEWNS}, {"NEWCGROUP", CLONE_NEWCGROUP}, {"NEWUTS", CLONE_NEWUTS}, {"NEWIPC", CLONE_NEWIPC},
  {"NEWUSER", CLONE_NEWUSER}, {"NEWPID", CLONE_NEWPID}, {"NEWNET", CLONE_NEWNET}, {"NEWTIME", 0x80},
};

static void try_namespaces(void) {
  char what[80];
  static const char *const files[] = {"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "user", "uts"};
  for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++) {
    const struct flag *flag = &namespaces[i];
    snprintf(what, sizeof what, "unshare %s", flag->name);
    TRY(what, syscall(SYS_unshare, flag->value));
    snprintf(what, sizeof what, "unshare %s|NEWUSER", flag->name);
    TRY(what, syscall(SYS_unshare, flag->value | CLONE_NEWUSER));
    if (flag->value == 0x80) continue;  // within clone's signal number
    snprintf(what, sizeof what, "clone %s", flag->name);
    TRY(what, clone_with(flag->value));
    snprintf(what, sizeof what, "clone %s|NEWUSER", flag->name);
    TRY(what, clone_with(flag->value | CLONE_NEWUSER));
    snprintf(what, sizeof what, "clone %s with bits above", flag->name);
    TRY(what, clone_with(flag->value | 1UL << 40));
    struct clone_args { unsigned long flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls; } arguments = {.flags = flag->value, .exit_signal = SIGCHLD};
    snprintf(what, sizeof what, "clone3 %s", flag->name);
    TRY(what, syscall(SYS_clone3, &arguments, sizeof arguments));
  }
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", files[i]);
    snprintf(what, sizeof what, "setns %s", files[i]);
    TRY(what, syscall(SYS_setns, open(path, O_RDONLY), 0));
  }
  TRY("setns by pidfd", syscall(SYS_setns, syscall(SYS_pidfd_open, getpid(), 0), CLONE_NEWNET));
}

static long remount_writable(const char *place) {
  struct mount_attr attributes = {.attr_clr = MOUNT_ATTR_RDONLY};
  return syscall(SYS_mount_setattr, AT_FDCWD, place, 0, &attributes, sizeof attributes);
}

static void try_mounts(void) {
  TRY("mount proc", syscall(SYS_mount, "proc", "/tmp", "proc", 0, NULL));
  TRY("mount tmpfs", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL));
  TRY("mount sysfs", syscall(SYS_mount, "none", "/tmp", "sysfs", 0, NULL));
  TRY("mount cgroup2", syscall(SYS_mount, "none", "/tmp", "cgroup2", 0, NULL));
  TRY("bind the root", syscall(SYS_mount, "/", "/tmp", NULL, MS_BIND | MS_REC, NULL));
  TRY("remount the root", syscall(SYS_mount, NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
  TRY("remount /proc", syscall(SYS_mount, NULL, "/proc", NULL, MS_REMOUNT | MS_BIND, NULL));
  TRY("mount_setattr of the root", remount_writable("/"));
  TRY("mount_setattr of /proc", remount_writable("/proc"));
  TRY("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE));
  TRY("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
  TRY("move_mount", syscall(SYS_move_mount, AT_FDCWD, "/tmp", AT_FDCWD, "/opt", 0));
  TRY("umount /proc", syscall(SYS_umount2, "/proc", 2));
  TRY("umount a mask", syscall(SYS_umount2, "/proc/kallsyms", 2));
  TRY("umount /tmp", syscall(SYS_umount2, "/tmp", 2));
  TRY("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp"));
  TRY("chroot", syscall(SYS_chroot, "/tmp"));
  TRY("swapon", syscall(SYS_swapon, "/tmp/swap", 0));
  TRY("quotactl", syscall(SYS_quotactl, 0x800002 << 8, "/tmp", 0, NULL));
  TRY("name_to_handle_at", syscall(SYS_name_to_handle_at, AT_FDCWD, "/", page, page + 512, 0));
  *(unsigned *)page = 8;
  TRY("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, page, O_RDONLY));
}

static void try_processes(void) {
  struct iovec own = {page, 64}, its = {(void *)0x400000, 64};
  TRY("ptrace TRACEME", syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0));
  TRY("ptrace ATTACH to the parent", syscall(SYS_ptrace, PTRACE_ATTACH, getppid(), 0, 0));
  TRY("ptrace SEIZE of PID 1", syscall(SYS_ptrace, PTRACE_SEIZE, 1, 0, 0));
  TRY("process_vm_readv of the parent", syscall(SYS_process_vm_readv, getppid(), &own, 1, &its, 1, 0));
  TRY("process_vm_writev of PID 1", syscall(SYS_process_vm_writev, 1, &own, 1, &its, 1, 0));
  TRY("pidfd_getfd of PID 1", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 3, 0));
  TRY("kcmp", syscall(SYS_kcmp, getpid(), getppid(), 0, 0, 0));
  TRY("open the memory of PID 1", open("/proc/1/mem", O_RDWR));
  TRY("open the descriptors of PID 1", open("/proc/1/fd/3", O_RDWR));
  TRY("prlimit of PID 1", prlimit(1, RLIMIT_NOFILE, &(struct rlimit){0, 0}, NULL));
  TRY("nice of PID 1", setpriority(PRIO_PROCESS, 1, 19));
  TRY("scheduler of PID 1", sched_setscheduler(1, SCHED_IDLE, &(struct sched_param){0}));
  TRY("processors of PID 1", sched_setaffinity(1, sizeof(cpu_set_t), &(cpu_set_t){{1}}));
  TRY("I/O class of PID 1", syscall(SYS_ioprio_set, 1, 1, 3 << 13));
  TRY("migrate_pages of PID 1", syscall(SYS_migrate_pages, 1, 64, page, page));
  TRY("real-time priority", sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1}));
  TRY("deadline scheduling", syscall(SYS_sched_setattr, 0, &(struct {unsigned size, policy; unsigned long flags; int nice; unsigned priority; unsigned long runtime, deadline, period;}){48, 6, 0, 0, 0, 1000000, 10000000, 10000000}, 0));
  TRY("negative nice", setpriority(PRIO_PROCESS, 0, -1));
  TRY("real-time I/O", syscall(SYS_ioprio_set, 1, 0, 1 << 13));
  TRY("a higher limit on descriptors", setrlimit(RLIMIT_NOFILE, &(struct rlimit){4096, 4096}));
  TRY("a core dump", raise_core_limit());
  TRY("more locked memory", mlock(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1 << 20));
  TRY("an ambient capability", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0));
  TRY("an inheritable capability", syscall(SYS_capset, &(struct {unsigned version; int pid;}){0x20080522, 0}, &(struct {unsigned e, p, i;}[2]){{0, 0, 1 << 21}}));
  TRY("a permitted capability", syscall(SYS_capset, &(struct {unsigned version; int pid;}){0x20080522, 0}, &(struct {unsigned e, p, i;}[2]){{1 << 21, 1 << 21, 0}}));
  TRY("securebits", prctl(PR_SET_SECUREBITS, 0, 0, 0, 0));
  TRY("no_new_privs off", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
  TRY("READ_IMPLIES_EXEC", personality(READ_IMPLIES_EXEC));
  TRY("ADDR_NO_RANDOMIZE", personality(ADDR_NO_RANDOMIZE));
  TRY("own executable exchanged", prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, open("/var/task/calls", O_RDONLY), 0, 0));
  TRY("text poked through /proc/self/mem", open("/proc/self/mem", O_RDWR));
}

static void try_kernel(void) {
  struct perf_event_attr counter = {.type = PERF_TYPE_SOFTWARE, .size = sizeof counter, .exclude_kernel = 1};
  union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
  TRY("bpf", syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof map));
  TRY("perf_event_open", syscall(SYS_perf_event_open, &counter, 0, -1, -1, 0));
  TRY("userfaultfd", syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY));
  TRY("io_uring_setup", syscall(SYS_io_uring_setup, 8, page));
  TRY("io_setup", syscall(SYS_io_setup, 8, page));
  TRY("keyctl", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
  TRY("add_key", syscall(SYS_add_key, "user", "a", "b", 1, KEY_SPEC_PROCESS_KEYRING));
  TRY("request_key", syscall(SYS_request_key, "user", "a", NULL, 0));
  TRY("memfd_secret", syscall(SYS_memfd_secret, 0));
  TRY("vmsplice", syscall(SYS_vmsplice, 1, &(struct iovec){page, 1}, 1, 0));
  TRY("fanotify_init", syscall(SYS_fanotify_init, 0x200, 0));
  TRY("syslog", syscall(SYS_syslog, 3, page, 4096));
  TRY("init_module", syscall(SYS_init_module, page, 1, ""));
  TRY("finit_module", syscall(SYS_finit_module, 0, "", 0));
  TRY("delete_module", syscall(SYS_delete_module, "loop", 0));
  TRY("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0));
  TRY("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL));  // CAD off, the mildest
  TRY("acct", syscall(SYS_acct, NULL));
  TRY("sethostname", syscall(SYS_sethostname, "mine", 4));
  TRY("settimeofday", syscall(SYS_clock_settime, 0, &(struct timespec){0, 0}));
  TRY("adjtimex", syscall(SYS_adjtimex, &(struct timex){.modes = ADJ_TICK, .tick = 10000}));
  TRY("lookup_dcookie", syscall(212, 0, page, 4096));
#if defined(__x86_64__)
  TRY("iopl", syscall(SYS_iopl, 3));
  TRY("ioperm", syscall(SYS_ioperm, 0x80, 1, 1));
  TRY("modify_ldt", syscall(SYS_modify_ldt, 0, page, 64));
  TRY("_sysctl", syscall(SYS__sysctl, page));
#endif
  TRY("TIOCSTI", ioctl(0, TIOCSTI, "x"));
  TRY("TIOCSTI with bits above", syscall(SYS_ioctl, 0, TIOCSTI | 1UL << 32, "x"));
}

static long route_message(int type, int flags) {
  struct { struct nlmsghdr head; struct ifinfomsg link; struct { struct rtattr attribute; char name[8]; } name; } message = {
    .head = {sizeof message, type, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0}, .link = {.ifi_index = type == RTM_NEWLINK && !flags ? 1 : 0, .ifi_change = 1},
    .name = {{sizeof message.name, IFLA_IFNAME}, "mine"},
  };
  struct { struct nlmsghdr head; struct nlmsgerr error; char rest[256]; } answer = {0};
  int link = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (link < 0 || send(link, &message, sizeof message, 0) < 0 || recv(link, &answer, sizeof answer, 0) < 0) return -1;
  errno = -answer.error.error;
  return errno ? -1 : 0;
}

static long set_option(int level, int option, const void *value, socklen_t size) {
  int one = socket(AF_INET, SOCK_STREAM, 0);
  return setsockopt(one, level, option, value, size);
}

static void try_network(void) {
  int one = 1;
  struct ifreq request = {.ifr_name = "lo"};
  struct ipt_getinfo tables = {.name = "filter"};
  socklen_t size = sizeof tables;
  TRY("lo down by netlink", route_message(RTM_NEWLINK, 0));
  TRY("a new link", route_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL));
  TRY("lo's address by ioctl", ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFADDR, &request));
  TRY("lo down by ioctl", ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &request));
  TRY("SO_MARK", set_option(SOL_SOCKET, SO_MARK, &one, sizeof one));
  TRY("SO_RCVBUFFORCE", set_option(SOL_SOCKET, SO_RCVBUFFORCE, &one, sizeof one));
  TRY("SO_PRIORITY above 6", set_option(SOL_SOCKET, SO_PRIORITY, &(int){7}, sizeof one));
  TRY("IP_TRANSPARENT", set_option(IPPROTO_IP, IP_TRANSPARENT, &one, sizeof one));
  TRY("TCP_ULP", set_option(IPPROTO_TCP, TCP_ULP, "tls", 4));
  TRY("TCP_REPAIR", set_option(IPPROTO_TCP, TCP_REPAIR, &one, sizeof one));
  TRY("the packet filter's tables", getsockopt(socket(AF_INET, SOCK_STREAM, 0), IPPROTO_IP, IPT_SO_GET_INFO, &tables, &size));
  TRY("a port below 1024 that is not its own", bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&(struct sockaddr_in){AF_INET, htons(80), {0}, {0}}, 16));
}

static void try_files(void) {
  int file = open("/tmp/file", O_CREAT | O_RDWR, 0755), flags = FS_IMMUTABLE_FL;
  TRY("a block device", mknod("/tmp/disk", S_IFBLK | 0600, makedev(7, 0)));
  TRY("a character device", mknod("/tmp/memory", S_IFCHR | 0600, makedev(1, 1)));
  TRY("an immutable file", ioctl(file, FS_IOC_SETFLAGS, &flags));
  TRY("trusted attributes", fsetxattr(file, "trusted.overlay.opaque", "y", 1, 0));
  TRY("file capabilities", fsetxattr(file, "security.capability", "\1\0\0\2\377\377\377\377\0\0\0\0\377\377\377\377\0\0\0\0", 20, 0));
  TRY("FIFREEZE", ioctl(file, FIFREEZE, 0));
  TRY("FITRIM", ioctl(file, FITRIM, &(struct fstrim_range){0, ~0UL, 0}));
  TRY("FIBMAP", ioctl(file, FIBMAP, &(int){0}));
  TRY("a larger file system", ioctl(file, _IOW('f', 16, unsigned long), &(unsigned long){1UL << 20}));
  TRY("a file of another's", chown("/tmp/file", 0, 0));
  TRY("the code's mode", chmod("/var/task", 0777));
  TRY("a hard link to the code", link("/var/task/app.py", "/tmp/hard"));
  TRY("a hard link into the code", link("/tmp/file", "/var/task/hard"));
  TRY("the code renamed", rename("/var/task/app.py", "/tmp/renamed"));
  TRY("/tmp renamed", rename("/tmp", "/var/other"));
  TRY("the code opened for writing through /proc", ({
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", open("/var/task/app.py", O_RDONLY));
    open(path, O_RDWR);
  }));
  TRY("the code mapped for writing", ({
    void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, open("/var/task/app.py", O_RDONLY), 0);
    map == MAP_FAILED ? -1 : 0;
  }));
  TRY("utime of the code", utimensat(AT_FDCWD, "/var/task/app.py", NULL, 0));
}

static void try_identity(void) {
  TRY("setuid 0", setuid(0));
  TRY("setgid 0", setgid(0));
  TRY("setreuid 0", setreuid(0, 0));
  TRY("setresuid 65534", setresuid(65534, 65534, 65534));
  TRY("setresuid 1000", setresuid(1000, -1, -1));
  TRY("setgroups", syscall(SYS_setgroups, 1, &(gid_t){0}));
  TRY("no groups", syscall(SYS_setgroups, 0, NULL));
  TRY("setfsuid 0", ({ syscall(SYS_setfsuid, 0); long now = syscall(SYS_setfsuid, -1); errno = EPERM; now == 0 ? 0 : -1; }));
  TRY("uid_map", open("/proc/self/uid_map", O_WRONLY));
  TRY("setgroups of the map", open("/proc/self/setgroups", O_WRONLY));
}

int main(int count, char **arguments) {
  if (count != 2) return 64;
  if (strcmp(arguments[1], "namespaces") == 0) try_namespaces();
  else if (strcmp(arguments[1], "mounts") == 0) try_mounts();
  else if (strcmp(arguments[1], "processes") == 0) try_processes();
  else if (strcmp(arguments[1], "kernel") == 0) try_kernel();
  else if (strcmp(arguments[1], "network") == 0) try_network();
  else if (strcmp(arguments[1], "files") == 0) try_files();
  else if (strcmp(arguments[1], "identity") == 0) try_identity();
  else return 64;
  return 0;
}
