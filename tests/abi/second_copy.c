/*
 * Two copies of the library in one process, as when two plug-ins bring one each. Neither takes the other's
 * handles, and neither opens a database that the other has open: SQLite's locks are the process's, and the copy
 * that closes the file would drop the other's.
 *
 *     second_copy FOLDER PATH-OF-ANOTHER-COPY...
 *     second_copy FOLDER hold      a process that has the database open, until it is killed
 */
#define _POSIX_C_SOURCE 200809L
#include "wardkey.h"
#include "support.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Another copy's functions. */
typedef struct copy {
    int32_t (*open)(const wardkey_options *, wardkey_engine **, wardkey_error *);
    int32_t (*maintain)(const wardkey_engine *, wardkey_error *);
    int32_t (*close)(wardkey_engine *, wardkey_error *);
} copy;

static const char *program;
static const char *folder;
static char clinic_path[512];

static copy load(const char *file);
static int try_handles(const copy *other);
static void one_copy_at_a_time(const copy *other);
static void a_restore_of_the_other_copy(const copy *other);
static void two_other_copies(const copy *second, const copy *third);
static void other_processes(const copy *other);
static void a_child(const copy *other);
static void threads_of_both(const copy *other);
static int hold(void);

int main(int argc, char **argv) {
    char path[512];
    wardkey_options options, create;
    copy second, third;
    int i, told_apart = 0;
    if (argc < 3) {
        fprintf(stderr, "usage: %s FOLDER LIBRARY...\n", argv[0]);
        return 2;
    }
    program = argv[0];
    folder = argv[1];
    options = options_of(folder, clinic_path, sizeof clinic_path);
    if (strcmp(argv[2], "hold") == 0) {
        return hold();
    }
    create = creating(options, NULL);
    EXPECT(WARDKEY_OK, wardkey_close(open_or_exit(&create), NULL));
    snprintf(path, sizeof path, "%s/theirs.db", folder);
    create.path = path;
    EXPECT(WARDKEY_OK, wardkey_close(open_or_exit(&create), NULL));
    for (i = 2; i < argc; i += 1) {
        copy other = load(argv[i]);
        told_apart += try_handles(&other);
    }
    CHECK(told_apart > 0);
    second = load(argv[2]);
    third = load(argv[argc - 1]);
    one_copy_at_a_time(&second);
    a_restore_of_the_other_copy(&second);
    two_other_copies(&second, &third);
    other_processes(&second);
    a_child(&second);
    threads_of_both(&second);
    return verdict();
}

/* ISO C has no cast from what dlsym returns to a function pointer. */
static void find(void *library, const char *name, void *function) {
    void *symbol = dlsym(library, name);
    if (!CHECK(symbol != NULL)) {
        exit(1);
    }
    memcpy(function, &symbol, sizeof symbol);
}

static copy load(const char *file) {
    copy other;
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!CHECK(library != NULL)) {
        exit(1);
    }
    find(library, "wardkey_open", &other.open);
    find(library, "wardkey_maintain", &other.maintain);
    find(library, "wardkey_close", &other.close);
    CHECK(other.close != wardkey_close);
    return other;
}

/* Options for the database that all want. */
static wardkey_options clinic(void) {
    wardkey_options options;
    DEMAND(WARDKEY_OK, wardkey_options_init(&options, sizeof options));
    options.path = clinic_path;
    options.path_len = WARDKEY_NTS;
    return options;
}

static wardkey_engine *ours(void) {
    wardkey_options options = clinic();
    return open_or_exit(&options);
}

static wardkey_engine *theirs(const copy *other) {
    wardkey_options options = clinic();
    wardkey_engine *engine = NULL;
    DEMAND(WARDKEY_OK, other->open(&options, &engine, NULL));
    return engine;
}

/* Whether the copy's handles can be told from ours by their six bits. Neither takes the other's in any case. */
static int try_handles(const copy *other) {
    char path[512];
    wardkey_options options = clinic();
    wardkey_engine *ours_now = ours(), *theirs_now = NULL;
    wardkey_error error;
    int32_t code;
    snprintf(path, sizeof path, "%s/theirs.db", folder);
    options.path = path;
    DEMAND(WARDKEY_OK, other->open(&options, &theirs_now, &error));
    CHECK(ours_now != theirs_now);
    code = other->maintain(ours_now, &error);
    CHECK(code == WARDKEY_MISUSE_FOREIGN || code == WARDKEY_MISUSE_CLOSED
          || code == WARDKEY_MISUSE_HANDLE);
    CHECK(error.code == code && error.message[0] != '\0');
    CHECK(wardkey_maintain(theirs_now, NULL) != WARDKEY_OK);
    CHECK(other->close(ours_now, NULL) != WARDKEY_OK);
    CHECK(wardkey_close(theirs_now, NULL) != WARDKEY_OK);
    EXPECT(WARDKEY_OK, wardkey_maintain(ours_now, NULL));
    EXPECT(WARDKEY_OK, other->maintain(theirs_now, NULL));
    EXPECT(WARDKEY_OK, wardkey_close(ours_now, NULL));
    EXPECT(WARDKEY_OK, other->close(theirs_now, NULL));
    return code == WARDKEY_MISUSE_FOREIGN;
}

/* The copy's opening is refused, and says what to do. */
static void expect_refusal(const copy *other, wardkey_options options) {
    wardkey_engine *engine = (wardkey_engine *)&options;
    wardkey_error error;
    EXPECT(WARDKEY_MISUSE_ANOTHER_COPY, other->open(&options, &engine, &error));
    CHECK(engine == NULL && error.code == WARDKEY_MISUSE_ANOTHER_COPY);
    CHECK(strstr(error.message, "load one copy only") != NULL);
    CHECK(strstr(error.message, "another process") != NULL);
    CHECK(strstr(error.message, "clinic.db") != NULL);
}

/* Whether this process holds SQLite's locks of an open database: a child can ask who is in its way. */
static int has_locks(void) {
    char shm[600];
    int status = -1;
    pid_t parent = getpid(), child;
    snprintf(shm, sizeof shm, "%s/clinic.db-shm", folder);
    child = fork();
    if (child == 0) {
        /* SQLite's byte for those who have the WAL's index open (walformat, "WAL Locks"). */
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 128, .l_len = 1};
        int file = open(shm, O_RDWR);
        int asked = file >= 0 ? fcntl(file, F_GETLK, &lock) : -1;
        _exit(asked == 0 && lock.l_type != F_UNLCK && lock.l_pid == parent);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void one_copy_at_a_time(const copy *other) {
    char token[TOKEN_SIZE], path[512];
    wardkey_options here = clinic(), through_link = clinic();
    wardkey_engine *first = ours(), *second, *last;
    client lab = register_client(first, "{\"client_name\":\"Lab\",\"scope\":\"lab:read\"}");
    CHECK(has_locks());
    expect_refusal(other, here);
    CHECK(has_locks());

    /* By another name it is the same database. */
    snprintf(path, sizeof path, "%s/link", folder);
    CHECK(symlink(".", path) == 0);
    snprintf(path, sizeof path, "%s/link/clinic.db", folder);
    through_link.path = path;
    expect_refusal(other, through_link);

    /* The refusal has not harmed us, and this copy may open it as often as it likes. */
    issue_token(first, &lab, NULL, token, sizeof token);
    second = open_or_exit(&through_link);
    EXPECT(WARDKEY_OK, verify_token(second, token, "lab:read"));
    EXPECT(WARDKEY_OK, wardkey_close(first, NULL));
    CHECK(has_locks());
    expect_refusal(other, here);
    EXPECT(WARDKEY_OK, wardkey_close(second, NULL));

    /* When the last is closed it is the other copy's turn. */
    last = theirs(other);
    EXPECT(WARDKEY_MISUSE_ANOTHER_COPY, wardkey_open(&here, &first, NULL));
    EXPECT(WARDKEY_OK, other->maintain(last, NULL));
    EXPECT(WARDKEY_OK, other->close(last, NULL));
    first = ours();
    EXPECT(WARDKEY_OK, verify_token(first, token, "lab:read"));
    EXPECT(WARDKEY_OK, wardkey_close(first, NULL));
}

/* It would be refused as busy, too, after the busy timeout: it is told at once, and why. */
static void a_restore_of_the_other_copy(const copy *other) {
    wardkey_options options = clinic();
    wardkey_engine *engine = ours();
    options.mode = WARDKEY_MODE_RESTORE;
    options.actor = "anna";
    options.actor_len = WARDKEY_NTS;
    options.busy_timeout_ms = 3600 * 1000;
    expect_refusal(other, options);
    EXPECT(WARDKEY_OK, wardkey_maintain(engine, NULL));
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
}

static void two_other_copies(const copy *second, const copy *third) {
    wardkey_engine *engine = theirs(second);
    CHECK(second->open != third->open);
    expect_refusal(third, clinic());
    EXPECT(WARDKEY_OK, second->close(engine, NULL));
    engine = theirs(third);
    expect_refusal(second, clinic());
    EXPECT(WARDKEY_OK, third->close(engine, NULL));
}

/* Says that it has the database open, and waits to be killed. */
static int hold(void) {
    CHECK(ours() != NULL);
    CHECK(write(STDOUT_FILENO, "o", 1) == 1);
    pause();
    return verdict();
}

/* Starts a process that holds the database; returns when it does. */
static pid_t start_holder(void) {
    char byte;
    int pipes[2];
    pid_t child;
    DEMAND(0, pipe(pipes));
    child = fork();
    if (child == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        execl(program, program, folder, "hold", (char *)NULL);
        _exit(1);
    }
    close(pipes[1]);
    CHECK(read(pipes[0], &byte, 1) == 1);
    close(pipes[0]);
    return child;
}

/* Processes are not in each other's way, whichever copy they have; what a killed one held is free. */
static void other_processes(const copy *other) {
    pid_t holders[2];
    wardkey_engine *engine;
    int i, status;
    holders[0] = start_holder();
    engine = theirs(other);
    holders[1] = start_holder();
    EXPECT(WARDKEY_OK, other->maintain(engine, NULL));
    for (i = 0; i < 2; i += 1) {
        CHECK(kill(holders[i], SIGKILL) == 0);
        CHECK(waitpid(holders[i], &status, 0) == holders[i] && WIFSIGNALED(status));
    }
    EXPECT(WARDKEY_OK, other->maintain(engine, NULL));
    EXPECT(WARDKEY_OK, other->close(engine, NULL));
    EXPECT(WARDKEY_OK, wardkey_close(ours(), NULL));
}

/* What an inherited engine is good for is fork.c's matter. Here: a child is another process to a copy of which
 * nothing was open; and one that lives on keeps nothing that its parent closes. */
static void a_child(const copy *other) {
    char byte = 'x';
    int to_child[2], status = -1;
    wardkey_options options = clinic();
    wardkey_engine *engine = ours();
    pid_t child;
    DEMAND(0, pipe(to_child));
    fflush(NULL);
    child = fork();
    if (child == 0) {
        wardkey_engine *mine = NULL;
        failures = 0;
        close(to_child[1]);
        EXPECT(WARDKEY_MISUSE_FORKED, wardkey_open(&options, &mine, NULL));
        EXPECT(WARDKEY_OK, other->close(theirs(other), NULL));
        CHECK(read(to_child[0], &byte, 1) == 1);
        fflush(NULL);
        _exit(verdict());
    }
    close(to_child[0]);
    EXPECT(WARDKEY_OK, wardkey_maintain(engine, NULL));
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
    EXPECT(WARDKEY_OK, other->close(theirs(other), NULL));
    CHECK(write(to_child[1], &byte, 1) == 1);
    close(to_child[1]);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* What a thread of one copy does again and again. */
typedef struct opener {
    const copy *copy;
    int mine;
} opener;

static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
static int open_now[2], opened[2];

static int count(int mine, int change) {
    int others;
    pthread_mutex_lock(&counting);
    open_now[mine] += change;
    opened[mine] += change > 0;
    others = open_now[1 - mine];
    pthread_mutex_unlock(&counting);
    return others;
}

static void *open_again_and_again(void *argument) {
    const opener *self = argument;
    wardkey_options options = clinic();
    int i;
    for (i = 0; i < 20; i += 1) {
        wardkey_engine *engine = NULL;
        int32_t code = self->copy->open(&options, &engine, NULL);
        if (code == WARDKEY_OK) {
            CHECK(count(self->mine, 1) == 0);
            count(self->mine, -1);
            EXPECT(WARDKEY_OK, self->copy->close(engine, NULL));
        } else {
            EXPECT(WARDKEY_MISUSE_ANOTHER_COPY, code);
        }
    }
    return NULL;
}

static void threads_of_both(const copy *other) {
    const copy linked = {wardkey_open, wardkey_maintain, wardkey_close};
    opener openers[2];
    pthread_t threads[4];
    int i;
    openers[0].copy = &linked;
    openers[0].mine = 0;
    openers[1].copy = other;
    openers[1].mine = 1;
    for (i = 0; i < 4; i += 1) {
        CHECK(pthread_create(&threads[i], NULL, open_again_and_again, &openers[i % 2]) == 0);
    }
    for (i = 0; i < 4; i += 1) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(opened[0] + opened[1] > 0 && open_now[0] == 0 && open_now[1] == 0);
}
