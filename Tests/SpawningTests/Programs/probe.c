// Runs inside a sandbox and says what it sees, as lines `name=value`. One static program, so that the test image needs nothing else.
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void say(const char *name, const char *value) { printf("%s=%s\n", name, value); }
static void say_error(const char *name, long result) { say(name, result < 0 ? strerrorname_np(errno) : "ok"); }

static void copy_lines(const char *prefix, const char *path) {
  char line[4096];
  FILE *file = fopen(path, "re");
  if (!file) { printf("%s=%s\n", prefix, strerrorname_np(errno)); return; }
  while (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    printf("%s=%s\n", prefix, line);
  }
  fclose(file);
}

static void list(const char *prefix, const char *path) {
  DIR *directory = opendir(path);
  struct dirent *entry;
  if (!directory) { say(prefix, strerrorname_np(errno)); return; }
  while ((entry = readdir(directory)))
    if (entry->d_name[0] != '.') say(prefix, entry->d_name);
  closedir(directory);
}

static void identity(void) {
  char cwd[256];
  printf("uid=%d\ngid=%d\neuid=%d\npid=%d\nppid=%d\npgid=%d\n", getuid(), getgid(), geteuid(), getpid(), getppid(), getpgrp());
  printf("groups=%d\n", getgroups(0, NULL));
  say("cwd", getcwd(cwd, sizeof cwd));
  for (char **entry = environ; *entry; entry++) say("env", *entry);
  for (int number = 0; number < 64; number++)
    if (fcntl(number, F_GETFD) >= 0) printf("fd=%d\n", number);
  copy_lines("status", "/proc/self/status");
  copy_lines("limits", "/proc/self/limits");
  copy_lines("cgroup", "/proc/self/cgroup");
  char name[65];
  gethostname(name, sizeof name);
  say("hostname", name);
}

static void view(void) {
  copy_lines("mountinfo", "/proc/self/mountinfo");
  list("proc", "/proc");
  list("root", "/");
  list("dev", "/dev");
  list("sys", "/sys");
  copy_lines("kcore", "/proc/kcore");
  copy_lines("cmdline", "/proc/cmdline");
  copy_lines("keys", "/proc/keys");
  copy_lines("partitions", "/proc/partitions");
  list("bus", "/proc/bus");
  struct if_nameindex *names = if_nameindex();
  for (struct if_nameindex *each = names; each && each->if_index; each++) say("interface", each->if_name);
  copy_lines("if_inet6", "/proc/self/net/if_inet6");
  struct sockaddr_in outside = {.sin_family = AF_INET, .sin_port = htons(53), .sin_addr = {htonl(0x01010101)}};
  say_error("route", connect(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&outside, sizeof outside));
}

static void files(void) {
  struct statvfs space;
  struct stat facts;
  say_error("create /x", open("/x", O_CREAT | O_WRONLY, 0644));
  say_error("create /var/task/x", open("/var/task/x", O_CREAT | O_WRONLY, 0644));
  say_error("create /opt/x", open("/opt/x", O_CREAT | O_WRONLY, 0644));
  say_error("create /dev/x", open("/dev/x", O_CREAT | O_WRONLY, 0644));
  say_error("create /tmp/x", open("/tmp/x", O_CREAT | O_WRONLY, 0644));
  say_error("write /proc/sys", open("/proc/sys/kernel/hostname", O_WRONLY));
  say_error("write /dev/null", open("/dev/null", O_WRONLY));
  say_error("write /dev/stdout", open("/dev/stdout", O_WRONLY | O_CREAT | O_TRUNC, 0644));
  say_error("write /dev/stderr", open("/dev/stderr", O_WRONLY | O_APPEND));
  say_error("read /dev/stdout", open("/dev/stdout", O_RDONLY | O_NONBLOCK));
  say_error("mknod", mknod("/tmp/device", S_IFCHR | 0666, 0x103));
  if (statvfs("/tmp", &space) == 0) printf("tmp bytes=%llu\n", (unsigned long long)space.f_bavail * space.f_frsize);
  if (stat("/tmp", &facts) == 0) printf("tmp mode=%o\n", facts.st_mode);
  copy_lines("task", "/var/task/name");
  copy_lines("opt shared", "/opt/shared");
  list("opt", "/opt");
  copy_lines("kept", "/tmp/kept");
}

// What the second wall must not break, and what it must.
static void work_in_tmp(void) {
  say_error("mkdir", mkdir("/tmp/a", 0755) < 0 ? -1 : mkdir("/tmp/b", 0755));
  int file = open("/tmp/a/file", O_CREAT | O_RDWR, 0755);
  say_error("write", write(file, "#!/bin/probe exit\n", 18));
  say_error("truncate", ftruncate(file, 4096) < 0 ? -1 : truncate("/tmp/a/file", 18));
  say_error("rename across", rename("/tmp/a/file", "/tmp/b/file"));
  say_error("link across", link("/tmp/b/file", "/tmp/a/link"));
  say_error("symlink", symlink("b/file", "/tmp/symlink"));
  say_error("fifo", mkfifo("/tmp/fifo", 0600));
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", (int)syscall(SYS_memfd_create, "memory", 0));
  say_error("memfd anew", open(path, O_RDWR));
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/tmp/socket"};
  int server = socket(AF_UNIX, SOCK_STREAM, 0), abstract = socket(AF_UNIX, SOCK_STREAM, 0);
  say_error("socket", bind(server, (struct sockaddr *)&address, sizeof address) < 0 ? -1 : listen(server, 1));
  say_error("socket connect", connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address));
  memcpy(address.sun_path, "\0name", 6);
  say_error("abstract", bind(abstract, (struct sockaddr *)&address, sizeof address) < 0 ? -1 : listen(abstract, 1));
  say_error("abstract connect", connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address));
  say_error("terminal", ioctl(open("/dev/null", O_RDWR), TIOCGWINSZ, path));
  say_error("remove", unlink("/tmp/a/link") < 0 ? -1 : rmdir("/tmp/a"));
  close(file);
  int status = -1;
  pid_t process = fork();
  if (process == 0) _exit(execl("/tmp/b/file", "file", NULL) < 0 ? 1 : 0);
  waitpid(process, &status, 0);
  printf("executed=%d\n", WEXITSTATUS(status));
}

// Process 1 has the uid of all others here.
static void first_process(void) {
  struct rlimit limit = {7, 7};
  char word;
  list("proc 1", "/proc/1");
  for (const char *const *name = (const char *[]){"mem", "environ", "fd", "exe", "root", "status", NULL}; *name; name++) {
    char path[32];
    snprintf(path, sizeof path, "/proc/1/%s", *name);
    say_error(path, open(path, O_RDONLY));
  }
  say_error("prlimit 1", syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, NULL, &limit));
  say_error("join group", setpgid(0, 1));
  say_error("priority of user", setpriority(PRIO_USER, 0, 19));
  say_error("io priority of user", syscall(SYS_ioprio_set, 3, 0, 3 << 13));
  say_error("madvise 1", syscall(SYS_process_madvise, syscall(SYS_pidfd_open, 1, 0), &(struct iovec){&word, 1}, 1, 20 /* COLD */, 0));
  say_error("robust list", syscall(SYS_get_robust_list, 1, &(void *){0}, &(size_t){0}));
  for (int number = 1; number <= 64; number++) kill(1, number);
  printf("session=%d\n", getsid(0) == getpid());
  say_error("lower core limit", setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}));
  say_error("lower core limit by prlimit", prlimit(0, RLIMIT_CORE, &(struct rlimit){0, 0}, NULL));
  if (getrlimit(RLIMIT_CORE, &limit) == 0) printf("core limit=%llu\n", (unsigned long long)limit.rlim_max);
}

static void refused(void) {
  static const int families[] = {AF_PACKET, 38 /* ALG */, 40 /* VSOCK */, AF_KEY, 44 /* XDP */, AF_BLUETOOTH};
  char name[32];
  for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
    snprintf(name, sizeof name, "family %d", families[i]);
    say_error(name, socket(families[i], SOCK_RAW, 0));
  }
  say_error("family unix", socket(AF_UNIX, SOCK_STREAM, 0));
  say_error("family inet", socket(AF_INET, SOCK_STREAM, 0));
  say_error("family inet6", socket(AF_INET6, SOCK_STREAM, 0));
  say_error("raw", socket(AF_INET, SOCK_RAW, 1));
  say_error("netlink route", socket(AF_NETLINK, SOCK_RAW, 0));
  say_error("netlink audit", socket(AF_NETLINK, SOCK_RAW, 9));
  say_error("family smuggled", syscall(SYS_socket, 0x100000000UL | AF_INET, SOCK_STREAM, 0));
  say_error("mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, 0));
  say_error("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
  say_error("umount", syscall(SYS_umount2, "/tmp", 0));
  say_error("chroot", syscall(SYS_chroot, "/tmp"));
  say_error("unshare", syscall(SYS_unshare, CLONE_NEWUSER));
  say_error("setns", syscall(SYS_setns, 0, 0));
  say_error("clone newuser", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
  say_error("clone3", syscall(SYS_clone3, NULL, 0));
  say_error("ptrace", syscall(SYS_ptrace, 16, 1, 0, 0));
  say_error("process_vm_readv", syscall(SYS_process_vm_readv, 1, 0, 0, 0, 0, 0));
  say_error("keyctl", syscall(SYS_keyctl, 0, -3, 0));
  say_error("bpf", syscall(SYS_bpf, 0, 0, 0));
  say_error("io_uring_setup", syscall(SYS_io_uring_setup, 1, 0));
  say_error("io_setup", syscall(SYS_io_setup, 1, 0));
  say_error("userfaultfd", syscall(SYS_userfaultfd, 0));
  say_error("perf_event_open", syscall(SYS_perf_event_open, 0, 0, 0, 0, 0));
  say_error("open_by_handle_at", syscall(SYS_open_by_handle_at, 0, 0, 0));
  say_error("memfd_secret", syscall(447, 0));
  say_error("future call", syscall(2000));
  say_error("TIOCSTI", ioctl(0, TIOCSTI, "x"));
  say_error("TIOCSTI smuggled", syscall(SYS_ioctl, 0, 0x100000000UL | TIOCSTI, "x"));
  say_error("FIONREAD", ioctl(1, FIONREAD, &(int){0}));
  say_error("settimeofday", syscall(SYS_settimeofday, 0, 0));
  say_error("kill init", kill(1, SIGKILL));
  say_error("prlimit init", prlimit(1, RLIMIT_NOFILE, &(struct rlimit){0, 0}, NULL));
  say_error("prlimit smuggled", syscall(SYS_prlimit64, 0x100000001UL, RLIMIT_CPU, &(struct rlimit){1, 1}, NULL));
  say_error("affinity of init", sched_setaffinity(1, sizeof(cpu_set_t), &(cpu_set_t){0}));
  say_error("scheduler of init", sched_setscheduler(1, SCHED_IDLE, &(struct sched_param){0}));
  say_error("priority of init", setpriority(PRIO_PROCESS, 1, 19));
  say_error("io priority of init", syscall(SYS_ioprio_set, 1, 1, 3 << 13));
  say_error("prlimit", prlimit(0, RLIMIT_CORE, &(struct rlimit){0, 0}, NULL));
  say_error("priority", setpriority(PRIO_PROCESS, 0, 1));
  say_error("udp", socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP));
  say_error("mptcp", socket(AF_INET, SOCK_STREAM, 262));
  say_error("sctp", socket(AF_INET6, SOCK_STREAM, 132));
  say_error("protocol -1", socket(AF_INET, SOCK_STREAM, -1));
  say_error("ulp", setsockopt(socket(AF_INET, SOCK_STREAM, 0), IPPROTO_TCP, TCP_ULP, "tls", 4));
  say_error("nodelay", setsockopt(socket(AF_INET, SOCK_STREAM, 0), IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)));
  say_error("sync", syscall(SYS_sync));
  say_error("cachestat", syscall(451, 1, NULL, NULL, 0));
  say_error("huge mmap", mmap(NULL, 2 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0) == MAP_FAILED ? -1 : 0);
  say_error("huge shmget", shmget(IPC_PRIVATE, 2 << 20, IPC_CREAT | SHM_HUGETLB | 0600));
  say_error("huge memfd", syscall(SYS_memfd_create, "huge", MFD_HUGETLB));
  say_error("udp encapsulation", setsockopt(socket(AF_INET, SOCK_DGRAM, 0), IPPROTO_UDP, UDP_ENCAP, &(int){2}, sizeof(int)));
  say_error("udp cork", setsockopt(socket(AF_INET, SOCK_DGRAM, 0), IPPROTO_UDP, UDP_CORK, &(int){0}, sizeof(int)));
#if defined(__x86_64__)
  // getpid by the i386 table: number 20.
  long answer;
  __asm__ volatile("int $0x80" : "=a"(answer) : "a"(20L) : "r8", "r9", "r10", "r11", "memory");
  say("i386", answer == -ENOSYS ? "ENOSYS" : "passed");
  say_error("x32", syscall(0x40000000 + SYS_getpid));
#endif
}

static void fill(void) {
  static char block[1 << 20];
  unsigned long long total = 0;
  int file = open("/tmp/fill", O_CREAT | O_WRONLY, 0644);
  memset(block, 'x', sizeof block);
  for (ssize_t done; (done = write(file, block, sizeof block)) > 0;) total += (unsigned long long)done;
  say("fill", strerrorname_np(errno));
  printf("filled=%llu\n", total);
}

static void connect_api(void) {
  struct sockaddr_in api = {.sin_family = AF_INET, .sin_port = htons(9001), .sin_addr = {htonl(0xA9FE6401)}};
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  say_error("api", connect(connection, (struct sockaddr *)&api, sizeof api));
  api.sin_addr.s_addr = htonl(0xA9FEA9FE);
  say_error("metadata", connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&api, sizeof api));
}

static void keep(void) {
  int file = open("/tmp/kept", O_CREAT | O_WRONLY, 0644);
  say_error("keep", write(file, "kept\n", 5));
}

int main(int count, char **words) {
  for (int i = 1; i < count; i++) {
    if (!strcmp(words[i], "identity")) identity();
    if (!strcmp(words[i], "view")) view();
    if (!strcmp(words[i], "files")) files();
    if (!strcmp(words[i], "refused")) refused();
    if (!strcmp(words[i], "work")) work_in_tmp();
    if (!strcmp(words[i], "first")) first_process();
    if (!strcmp(words[i], "fill")) fill();
    if (!strcmp(words[i], "connect")) connect_api();
    if (!strcmp(words[i], "keep")) keep();
    if (!strcmp(words[i], "exit")) exit(7);
    if (!strcmp(words[i], "fork-and-leave") && fork() == 0) for (setsid(), close(1), close(2);;) pause();
    fflush(stdout);
    if (!strcmp(words[i], "wait")) for (;;) pause();
  }
  return 0;
}
