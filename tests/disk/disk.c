/* A disk between the program and its files, for tests: preloaded, it writes down every change below one
 * folder, or makes one of them fail. Never part of the program.
 *
 * DISK_UNDER   the folder; what lies elsewhere is passed on
 * DISK_TRACE   a file that every change is appended to: kind, handle, offset, lengths, path, bytes
 * DISK_FAIL    "N ERRNO": from the N-th change on each one fails while the file DISK_BROKEN exists
 * DISK_ALONE   a file: while it exists no process is started whose environment has what it says, and if it
 *              is empty no process and no thread at all (EAGAIN)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST = 4096 };
static char *paths[MOST]; /* of the open files below the folder, by descriptor */
static const char *under, *broken, *alone;
static int trace = -1, fail_errno, changes;
static long fail_from = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What is called in the end. Looked up once, for a child that was forked may wait for the linker for ever. */
#define EACH(DO) DO(openat) DO(openat64) DO(close) DO(fork) DO(pthread_create) DO(posix_spawn) DO(posix_spawnp)
#define POINTER(name) __typeof__(&name) name;
#define LOOK_UP(name) real.name = (__typeof__(&name))dlsym(RTLD_NEXT, #name);
static struct { EACH(POINTER) } real;

/* The lock is free in every child, whoever held it as the child was forked. */
static void hold(void) { pthread_mutex_lock(&lock); }
static void let_go(void) { pthread_mutex_unlock(&lock); }

static void set_up(void) {
    EACH(LOOK_UP)
    pthread_atfork(hold, let_go, let_go);
    /* What git or a shell does to their files is theirs. */
    if (strcmp(program_invocation_short_name, "checkride") != 0) return;
    under = getenv("DISK_UNDER");
    broken = getenv("DISK_BROKEN");
    alone = getenv("DISK_ALONE");
    const char *file = getenv("DISK_TRACE"), *fail = getenv("DISK_FAIL");
    if (file) trace = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fail) sscanf(fail, "%ld %d", &fail_from, &fail_errno);
}

/* Before any other thread is there, unless something else that was loaded calls sooner. */
__attribute__((constructor)) static void begin(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_up);
}

static int is_ours(const char *path) {
    begin();
    return under && path && strncmp(path, under, strlen(under)) == 0;
}

static const char *name_of(int fd) {
    return fd >= 0 && fd < MOST ? paths[fd] : NULL;
}

/* One line of the head, the path, the bytes. */
static void note(const char *kind, long long at, const char *path, const void *bytes, size_t count) {
    if (trace < 0) return;
    char head[96];
    int n = snprintf(head, sizeof head, "%s %lld %zu %zu\n", kind, at, strlen(path), count);
    struct iovec parts[3] = {{head, (size_t)n}, {(void *)path, strlen(path)}, {(void *)bytes, count}};
    syscall(SYS_writev, trace, parts, 3);
}

/* Whether this change fails; they are counted, whether they do or not. */
static int fails(void) {
    if (fail_from < 0) return 0;
    int mine = __sync_fetch_and_add(&changes, 1);
    if (mine < fail_from || !broken || syscall(SYS_faccessat, AT_FDCWD, broken, F_OK) != 0) return 0;
    if (mine == fail_from) {
        /* Whoever asks can see that it came to this. */
        char hit[PATH_MAX];
        snprintf(hit, sizeof hit, "%s.hit", broken);
        long fd = syscall(SYS_openat, AT_FDCWD, hit, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0) syscall(SYS_close, (int)fd);
    }
    errno = fail_errno;
    return 1;
}

static void keep(int fd, const char *path) {
    if (fd < 0 || fd >= MOST) return;
    free(paths[fd]);
    paths[fd] = strdup(path);
}

/* Another file has this number now, or none. */
static void forget(int fd) {
    if (!name_of(fd)) return;
    int error = errno;
    pthread_mutex_lock(&lock);
    free(paths[fd]);
    paths[fd] = NULL;
    pthread_mutex_unlock(&lock);
    errno = error;
}

static int opened(int (*call)(int, const char *, int, ...), int folder, const char *path, int flags, mode_t mode) {
    int ours = is_ours(path), is_new = 0;
    if (!ours) {
        int other = call(folder, path, flags, mode);
        forget(other);
        return other;
    }
    pthread_mutex_lock(&lock);
    if (flags & (O_CREAT | O_TRUNC)) {
        is_new = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0;
        if ((is_new || flags & O_TRUNC) && fails()) {
            pthread_mutex_unlock(&lock);
            return -1;
        }
    }
    int fd = call(folder, path, flags, mode);
    int error = errno;
    if (fd >= 0) {
        keep(fd, path);
        if (is_new && flags & O_CREAT) note("create", 0, path, "", 0);
        if (flags & O_TRUNC) note("cut", 0, path, "", 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define OPEN(name, ...)                                                       \
    begin();                                                                  \
    va_list rest;                                                             \
    va_start(rest, flags);                                                    \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;   \
    va_end(rest);

int open(const char *path, int flags, ...) {
    OPEN(open)
    return opened(real.openat, AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    OPEN(open64)
    return opened(real.openat64, AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int folder, const char *path, int flags, ...) {
    OPEN(openat)
    return opened(real.openat, folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
    OPEN(openat64)
    return opened(real.openat64, folder, path, flags | O_LARGEFILE, mode);
}

int close(int fd) {
    begin();
    forget(fd);
    return real.close(fd);
}

static ssize_t wrote(int fd, const void *bytes, size_t count, off64_t at, int is_placed) {
    const char *path = name_of(fd);
    if (!path) {
        begin();
        struct stat what;
        if (trace >= 0 && !is_placed && fstat(fd, &what) == 0 && S_ISSOCK(what.st_mode)) {
            note("said", 0, "", bytes, count);
        }
        return is_placed ? syscall(SYS_pwrite64, fd, bytes, count, at) : syscall(SYS_write, fd, bytes, count);
    }
    pthread_mutex_lock(&lock);
    if (fails()) {
        pthread_mutex_unlock(&lock);
        return -1;
    }
    if (!is_placed) {
        int flags = (int)syscall(SYS_fcntl, fd, F_GETFL);
        at = lseek(fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
    }
    ssize_t done = is_placed ? syscall(SYS_pwrite64, fd, bytes, count, at) : syscall(SYS_write, fd, bytes, count);
    if (done > 0) note("write", at, path, bytes, (size_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t count) { return wrote(fd, bytes, count, 0, 0); }
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return wrote(fd, bytes, count, at, 1); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) { return wrote(fd, bytes, count, at, 1); }
ssize_t send(int fd, const void *bytes, size_t count, int flags) {
    begin();
    if (trace >= 0) note("said", 0, "", bytes, count);
    return syscall(SYS_sendto, fd, bytes, count, flags, NULL, 0);
}

static int changed(const char *kind, long long at, const char *path, const char *to, int (*act)(void *), void *what) {
    pthread_mutex_lock(&lock);
    int done = fails() ? -1 : act(what);
    int error = errno;
    if (done == 0) note(kind, at, path, to, strlen(to));
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

struct act { int fd; long long at; const char *from, *to; mode_t mode; };
#define ACT(name, call) static int name(void *what) { struct act *a = what; (void)a; return (int)call; }
ACT(do_fsync, syscall(SYS_fsync, a->fd))
ACT(do_fdatasync, syscall(SYS_fdatasync, a->fd))
ACT(do_cut, syscall(SYS_ftruncate, a->fd, a->at))
ACT(do_rename, syscall(SYS_renameat2, AT_FDCWD, a->from, AT_FDCWD, a->to, 0))
ACT(do_unlink, syscall(SYS_unlinkat, AT_FDCWD, a->from, 0))
ACT(do_mkdir, syscall(SYS_mkdirat, AT_FDCWD, a->from, a->mode))

int fsync(int fd) {
    struct act a = {.fd = fd};
    const char *path = name_of(fd);
    return path ? changed("sync", 0, path, "", do_fsync, &a) : do_fsync(&a);
}
int fdatasync(int fd) {
    struct act a = {.fd = fd};
    const char *path = name_of(fd);
    return path ? changed("sync", 0, path, "", do_fdatasync, &a) : do_fdatasync(&a);
}
int ftruncate64(int fd, off64_t at) {
    struct act a = {.fd = fd, .at = at};
    const char *path = name_of(fd);
    return path ? changed("cut", at, path, "", do_cut, &a) : do_cut(&a);
}
int ftruncate(int fd, off_t at) { return ftruncate64(fd, at); }
int rename(const char *from, const char *to) {
    struct act a = {.from = from, .to = to};
    return is_ours(from) ? changed("rename", 0, from, to, do_rename, &a) : do_rename(&a);
}
int unlink(const char *path) {
    struct act a = {.from = path};
    return is_ours(path) ? changed("remove", 0, path, "", do_unlink, &a) : do_unlink(&a);
}
int mkdir(const char *path, mode_t mode) {
    struct act a = {.from = path, .mode = mode};
    return is_ours(path) ? changed("folder", 0, path, "", do_mkdir, &a) : do_mkdir(&a);
}

/* Whether the system has no room for whatever has this environment; a thread or a bare fork has none. */
static int refused(char *const environment[]) {
    begin();
    long fd = alone ? syscall(SYS_openat, AT_FDCWD, alone, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return 0;
    char word[256];
    long count = syscall(SYS_read, (int)fd, word, sizeof word - 1);
    syscall(SYS_close, (int)fd);
    word[count > 0 ? count : 0] = 0;
    if (!*word) return 1;
    for (; environment && *environment; environment++) {
        if (strstr(*environment, word)) return 1;
    }
    return 0;
}

#define SPAWN(name)                                                                                      \
    int name(pid_t *pid, const char *program, const posix_spawn_file_actions_t *actions,                 \
             const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[]) {  \
        if (refused(environment)) return EAGAIN;                                                         \
        return real.name(pid, program, actions, attributes, arguments, environment);                     \
    }
SPAWN(posix_spawn)
SPAWN(posix_spawnp)

pid_t fork(void) {
    if (refused(NULL)) {
        errno = EAGAIN;
        return -1;
    }
    return real.fork();
}
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *with) {
    return refused(NULL) ? EAGAIN : real.pthread_create(thread, attributes, start, with);
}
