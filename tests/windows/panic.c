/*
 * A panic inside a library that panics when asked to is a code, on each thread, and the engine lives on.
 *
 *     panic FOLDER
 */
#include "wardkey.h"
#include "support.h"

static wardkey_engine *engine;

static DWORD WINAPI panic_often(void *unused) {
    wardkey_context context = context_of("anna@clinic", NULL);
    int i;
    (void)unused;
    for (i = 0; i < 20; i += 1) {
        wardkey_buf answer = {0};
        wardkey_error error;
        EXPECT(WARDKEY_INTERNAL_PANIC, wardkey_call(engine, &context, "test.panic", WARDKEY_NTS, NULL, 0,
                                                    &answer, &error));
        CHECK(answer.data == NULL && error.code == WARDKEY_INTERNAL_PANIC && error.message[0] != '\0');
    }
    return 0;
}

int main(int argc, char **argv) {
    char path[512];
    wardkey_options options, create;
    wardkey_buf answer;
    HANDLE threads[4];
    int i;
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    options = options_of(argv[1], path, sizeof path);
    create = creating(options, NULL);
    engine = open_or_exit(&create);
    for (i = 0; i < 4; i += 1) {
        threads[i] = CreateThread(NULL, 0, panic_often, NULL, 0, NULL);
        CHECK(threads[i] != NULL);
    }
    CHECK(WaitForMultipleObjects(4, threads, TRUE, INFINITE) == WAIT_OBJECT_0);
    answer = run_operation(engine, "settings.set", "{\"access_token_lifetime\":900}");
    wardkey_buf_free(&answer);
    EXPECT(WARDKEY_OK, wardkey_close(engine, NULL));
    return verdict();
}
