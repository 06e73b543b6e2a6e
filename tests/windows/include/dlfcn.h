/* The little of POSIX's dlfcn.h that tests/abi uses, for Windows. */
#ifndef DLFCN_H
#define DLFCN_H

#define RTLD_NOW 0
#define RTLD_LOCAL 0

static inline void *dlopen(const char *name, int flags) {
    (void)flags;
    return (void *)LoadLibraryW(wide(name));
}

static inline void *dlsym(void *library, const char *name) {
    FARPROC function = GetProcAddress((HMODULE)library, name);
    void *symbol;
    memcpy(&symbol, &function, sizeof symbol);
    return symbol;
}

#endif
