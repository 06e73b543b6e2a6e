/*
 * A child cannot use what its parent opened, nor open anything itself until exec: SQLite's locks do
 * not survive a fork. The parent does not notice.
 */
#define _POSIX_C_SOURCE 200809L
#include "wardkey.h"
#include "support.h"
#include <sys/wait.h>
#include <unistd.h>

static const char *program;
static const char *folder;
static char token[TOKEN_SIZE];
static client lab;

static void use_an_inherited_engine(wardkey_engine *engine);
static void open_in_a_poisoned_child(void);
static void use_a_database_of_its_own(void);
static void in_a_child(void (*body)(wardkey_engine *), wardkey_engine *engine);

static void inherited(wardkey_engine *engine) {
    use_an_inherited_engine(engine);
    open_in_a_poisoned_child();
}

static void grandchild(wardkey_engine *engine) {
    in_a_child(inherited, engine);
}

/* After exec the child is a program like any other, while the parent has the database open. */
static void after_exec(wardkey_engine *engine) {
    (void)engine;
    execl(program, program, folder, token, (char *)NULL);
    CHECK(0);
}

static void no_engine_open(wardkey_engine *engine) {
    EXPECT(WARDKEY_MISUSE_CLOSED, verify_token(engine, token, "lab:read"));
    use_a_database_of_its_own();
}

int main(int argc, char **argv) {
    char path[512];
    wardkey_options options, create;
    wardkey_engine *engine;
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: %s FOLDER [TOKEN]\n", argv[0]);
        return 2;
    }
    program = argv[0];
    folder = argv[1];
    if (argc == 3) {
        snprintf(token, sizeof token, "%s", argv[2]);
        use_a_database_of_its_own();
        return verdict();
    }
    options = options_of(folder, path, sizeof path);
    create = creating(options, NULL);
    engine = open_or_exit(&create);
    lab = register_client(engine, "{\"client_name\":\"Lab\",\"scope\":\"lab:read\"}");
    issue_token(engine, &lab, NULL, token, sizeof token);

    in_a_child(inherited, engine);
    in_a_child(grandchild, engine);
    in_a_child(after_exec, engine);

    EXPECT(WARDKEY_OK, verify_token(engine, token, "lab:read"));
    issue_token(engine, &lab, NULL, token, sizeof token);
    EXPECT(WARDKEY_OK, verify_token(engine, token, "lab:read"));
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));

    in_a_child(no_engine_open, engine);
    use_a_database_of_its_own();
    return verdict();
}

static void use_an_inherited_engine(wardkey_engine *engine) {
    wardkey_context context = context_of("anna@clinic", "192.0.2.7");
    wardkey_http_request request;
    wardkey_http_response response;
    wardkey_principal who;
    wardkey_buf out = {0};
    wardkey_error error;
    int32_t status = 0;
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.method = "GET";
    request.method_len = WARDKEY_NTS;
    request.path = "/oauth/jwks";
    request.path_len = WARDKEY_NTS;
    EXPECT(WARDKEY_MISUSE_FORKED, wardkey_verify(engine, token, WARDKEY_NTS, "lab:read",
                                                 WARDKEY_NTS, &context, &who, sizeof who, &error));
    CHECK(error.code == WARDKEY_MISUSE_FORKED && error.message[0] != '\0'
          && who.client_id[0] == '\0');
    EXPECT(WARDKEY_MISUSE_FORKED,
           wardkey_authorize(engine, NULL, 0, "lab:read", WARDKEY_NTS, &context, &who, sizeof who,
                             &status, &out, &error));
    CHECK(status == 500);
    EXPECT(WARDKEY_MISUSE_FORKED,
           wardkey_claims(engine, token, WARDKEY_NTS, &context, &out, &error));
    EXPECT(WARDKEY_MISUSE_FORKED, wardkey_issue(engine, lab.id, WARDKEY_NTS, lab.secret,
                                                WARDKEY_NTS, NULL, 0, &context, &out, &error));
    EXPECT(WARDKEY_MISUSE_FORKED,
           wardkey_http(engine, &request, &context, &response, sizeof response, &error));
    CHECK(response.body == NULL);
    EXPECT(WARDKEY_MISUSE_FORKED,
           wardkey_call(engine, &context, "settings.get", WARDKEY_NTS, NULL, 0, &out, &error));
    EXPECT(WARDKEY_MISUSE_FORKED, wardkey_maintain(engine, &error));
    EXPECT(WARDKEY_MISUSE_FORKED, wardkey_close(engine, &error));
    EXPECT(WARDKEY_MISUSE_FORKED, wardkey_close(engine, &error));
    CHECK(out.data == NULL);
    /* What needs no engine still works. */
    wardkey_buf_free(&out);
    EXPECT(WARDKEY_OK, wardkey_abi_check(WARDKEY_ABI_VERSION));
}

static void count_destroy(void *user) {
    *(int *)user += 1;
}

static void no_log(void *user, int32_t code, const char *message, size_t message_len) {
    (void)user;
    (void)code;
    (void)message;
    (void)message_len;
}

static void open_in_a_poisoned_child(void) {
    char path[512];
    wardkey_options options = options_of(folder, path, sizeof path);
    wardkey_engine *engine = (wardkey_engine *)&options;
    wardkey_error error;
    int destroyed = 0;
    options.log = no_log;
    options.log_user = &destroyed;
    options.log_destroy = count_destroy;
    EXPECT(WARDKEY_MISUSE_FORKED, wardkey_open(&options, &engine, &error));
    CHECK(engine == NULL && destroyed == 1);
}

static void use_a_database_of_its_own(void) {
    char path[512];
    wardkey_options options = options_of(folder, path, sizeof path);
    wardkey_engine *engine = open_or_exit(&options);
    EXPECT(WARDKEY_OK, verify_token(engine, token, "lab:read"));
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
}

static void in_a_child(void (*body)(wardkey_engine *), wardkey_engine *engine) {
    int status = -1;
    pid_t child;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        /* The parent counts its own failures. */
        failures = 0;
        body(engine);
        fflush(NULL);
        _exit(verdict());
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
