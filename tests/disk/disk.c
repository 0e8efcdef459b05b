/* A disk between the program and its files, for tests: preloaded, it writes down every change below one
 * folder, or makes one of them fail. Never part of the program.
 *
 * DISK_UNDER   the folder; what lies elsewhere is passed on
 * DISK_TRACE   a file that every change is appended to: kind, handle, offset, lengths, path, bytes
 * DISK_FAIL    "N ERRNO": from the N-th change on each one fails while the file DISK_BROKEN exists
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
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
static const char *under, *broken;
static int trace = -1, fail_errno, changes, ready;
static long fail_from = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void begin(void) {
    if (ready) return;
    ready = 1;
    /* What git or a shell does to their files is theirs. */
    if (strcmp(program_invocation_short_name, "checkride") != 0) return;
    under = getenv("DISK_UNDER");
    broken = getenv("DISK_BROKEN");
    const char *file = getenv("DISK_TRACE"), *fail = getenv("DISK_FAIL");
    if (file) trace = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fail) sscanf(fail, "%ld %d", &fail_from, &fail_errno);
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

static int opened(int (*real)(int, const char *, int, ...), int folder, const char *path, int flags, mode_t mode) {
    int ours = is_ours(path), is_new = 0;
    if (!ours) return real(folder, path, flags, mode);
    pthread_mutex_lock(&lock);
    if (flags & (O_CREAT | O_TRUNC)) {
        is_new = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0;
        if ((is_new || flags & O_TRUNC) && fails()) {
            pthread_mutex_unlock(&lock);
            return -1;
        }
    }
    int fd = real(folder, path, flags, mode);
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
    va_list rest;                                                             \
    va_start(rest, flags);                                                    \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;   \
    va_end(rest);

int open(const char *path, int flags, ...) {
    OPEN(open)
    return opened(REAL(openat), AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    OPEN(open64)
    return opened(REAL(openat64), AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int folder, const char *path, int flags, ...) {
    OPEN(openat)
    return opened(REAL(openat), folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
    OPEN(openat64)
    return opened(REAL(openat64), folder, path, flags | O_LARGEFILE, mode);
}

int close(int fd) {
    if (name_of(fd)) {
        pthread_mutex_lock(&lock);
        free(paths[fd]);
        paths[fd] = NULL;
        pthread_mutex_unlock(&lock);
    }
    return REAL(close)(fd);
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
