/*
 * Two copies of the library in one process, and other processes: one copy at a time has the database open, whatever
 * way leads to it; it keeps SQLite's locks; and no other process is in the way, not a killed one and not a child.
 *
 *     copies_in_processes FOLDER PATH-OF-ANOTHER-COPY...
 *     copies_in_processes FOLDER hold      a process that has the database open, until it is killed
 */
#define _POSIX_C_SOURCE 200809L
#include "copies.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *program;
static const char *folder;

static void one_copy_at_a_time(const copy *other);
static void other_processes(const copy *other);
static void a_child(const copy *other);
static int hold(void);

int main(int argc, char **argv) {
    copy second;
    if (argc < 3) {
        fprintf(stderr, "usage: %s FOLDER LIBRARY...\n", argv[0]);
        return 2;
    }
    program = argv[0];
    folder = argv[1];
    if (strcmp(argv[2], "hold") == 0) {
        options_of(folder, clinic_path, sizeof clinic_path);
        return hold();
    }
    make_clinic(folder);
    second = load_copy(argv[2]);
    one_copy_at_a_time(&second);
    other_processes(&second);
    a_child(&second);
    return verdict();
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
    wardkey_engine *first = open_ours(), *second, *last;
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
    last = open_theirs(other);
    EXPECT(WARDKEY_MISUSE_ANOTHER_COPY, wardkey_open(&here, &first, NULL));
    EXPECT(WARDKEY_OK, other->maintain(last, NULL));
    EXPECT(WARDKEY_OK, other->close(last, NULL));
    first = open_ours();
    EXPECT(WARDKEY_OK, verify_token(first, token, "lab:read"));
    EXPECT(WARDKEY_OK, wardkey_close(first, NULL));
}

/* Says that it has the database open, and waits to be killed. */
static int hold(void) {
    CHECK(open_ours() != NULL);
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
    engine = open_theirs(other);
    holders[1] = start_holder();
    EXPECT(WARDKEY_OK, other->maintain(engine, NULL));
    for (i = 0; i < 2; i += 1) {
        CHECK(kill(holders[i], SIGKILL) == 0);
        CHECK(waitpid(holders[i], &status, 0) == holders[i] && WIFSIGNALED(status));
    }
    EXPECT(WARDKEY_OK, other->maintain(engine, NULL));
    EXPECT(WARDKEY_OK, other->close(engine, NULL));
    EXPECT(WARDKEY_OK, wardkey_close(open_ours(), NULL));
}

/* What an inherited engine is good for is fork.c's matter. Here: a child is another process to a copy of which
 * nothing was open; and one that lives on keeps nothing that its parent closes. */
static void a_child(const copy *other) {
    char byte = 'x';
    int to_child[2], status = -1;
    wardkey_options options = clinic();
    wardkey_engine *engine = open_ours();
    pid_t child;
    DEMAND(0, pipe(to_child));
    fflush(NULL);
    child = fork();
    if (child == 0) {
        wardkey_engine *mine = NULL;
        failures = 0;
        close(to_child[1]);
        EXPECT(WARDKEY_MISUSE_FORKED, wardkey_open(&options, &mine, NULL));
        EXPECT(WARDKEY_OK, other->close(open_theirs(other), NULL));
        CHECK(read(to_child[0], &byte, 1) == 1);
        fflush(NULL);
        _exit(verdict());
    }
    close(to_child[0]);
    EXPECT(WARDKEY_OK, wardkey_maintain(engine, NULL));
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
    EXPECT(WARDKEY_OK, other->close(open_theirs(other), NULL));
    CHECK(write(to_child[1], &byte, 1) == 1);
    close(to_child[1]);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
