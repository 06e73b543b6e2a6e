/* Loaded into the host before the C library: its wall clock is ahead by as many seconds as the file WARDKEY_LATER
 * has bytes. So a page gets old without anybody waiting for it. */

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    long result = syscall(SYS_clock_gettime, clock, now);
    const char *path = getenv("WARDKEY_LATER");
    struct stat file;
    if (result == 0 && clock == CLOCK_REALTIME && path != NULL && stat(path, &file) == 0) {
        now->tv_sec += file.st_size;
    }
    return (int)result;
}
