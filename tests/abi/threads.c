/*
 * 32 threads verify while others write and two close: every call answers as if it had come wholly
 * before the close or wholly after it, and exactly one close is the first.
 *
 *     threads FOLDER ROUNDS
 */
#define _POSIX_C_SOURCE 200809L
#include "wardkey.h"
#include "support.h"
#include <pthread.h>
#include <time.h>

enum { VERIFIERS = 32, WRITERS = 2, CLOSERS = 2, THREADS = VERIFIERS + WRITERS + CLOSERS };

typedef struct round {
    wardkey_engine *engine;
    const client *lab;
    const char *token;
    pthread_barrier_t start;
    long pause_ns;
} round_of_threads;

typedef struct outcome {
    round_of_threads *round;
    /* The first code that was not WARDKEY_OK. */
    int32_t last;
    unsigned long allowed;
} outcome;

static void *verify_until_closed(void *argument) {
    outcome *mine = argument;
    wardkey_context context = context_of(NULL, "192.0.2.7");
    wardkey_principal who;
    wardkey_error error;
    pthread_barrier_wait(&mine->round->start);
    while (
        (mine->last = wardkey_verify(mine->round->engine, mine->round->token, WARDKEY_NTS,
                                     "lab:read", WARDKEY_NTS, &context, &who, sizeof who, &error))
        == WARDKEY_OK) {
        mine->allowed += 1;
        if (strcmp(who.client_id, mine->round->lab->id) != 0) {
            mine->last = WARDKEY_INTERNAL;
            break;
        }
    }
    return NULL;
}

static void *write_until_closed(void *argument) {
    outcome *mine = argument;
    const client *lab = mine->round->lab;
    wardkey_context context = context_of("anna@clinic", "192.0.2.7");
    pthread_barrier_wait(&mine->round->start);
    do {
        wardkey_buf json = {0};
        mine->last = wardkey_issue(mine->round->engine, lab->id, WARDKEY_NTS, lab->secret,
                                   WARDKEY_NTS, NULL, 0, &context, &json, NULL);
        wardkey_buf_free(&json);
        if (mine->last == WARDKEY_OK) {
            mine->last = wardkey_call(mine->round->engine, &context, "settings.set", WARDKEY_NTS,
                                      "{\"access_token_lifetime\":900}", WARDKEY_NTS, &json, NULL);
            wardkey_buf_free(&json);
        }
        mine->allowed += mine->last == WARDKEY_OK;
    } while (mine->last == WARDKEY_OK);
    return NULL;
}

static void *close_after_a_while(void *argument) {
    outcome *mine = argument;
    struct timespec pause = {0, 0};
    pause.tv_nsec = mine->round->pause_ns;
    pthread_barrier_wait(&mine->round->start);
    nanosleep(&pause, NULL);
    mine->last = wardkey_close(mine->round->engine, NULL);
    return NULL;
}

static unsigned long run_round(round_of_threads *round) {
    pthread_t threads[THREADS];
    outcome outcomes[THREADS];
    unsigned long allowed = 0;
    int i, closed = 0;
    memset(outcomes, 0, sizeof outcomes);
    if (pthread_barrier_init(&round->start, NULL, THREADS) != 0) {
        exit(1);
    }
    for (i = 0; i < THREADS; i += 1) {
        void *(*body)(void *) = i < VERIFIERS             ? verify_until_closed
                                : i < VERIFIERS + WRITERS ? write_until_closed
                                                          : close_after_a_while;
        outcomes[i].round = round;
        if (pthread_create(&threads[i], NULL, body, &outcomes[i]) != 0) {
            exit(1);
        }
    }
    for (i = 0; i < THREADS; i += 1) {
        pthread_join(threads[i], NULL);
        allowed += outcomes[i].allowed;
        if (i >= VERIFIERS + WRITERS && outcomes[i].last == WARDKEY_OK) {
            closed += 1;
        } else {
            EXPECT(WARDKEY_MISUSE_CLOSED, outcomes[i].last);
        }
    }
    CHECK(closed == 1);
    pthread_barrier_destroy(&round->start);
    return allowed;
}

int main(int argc, char **argv) {
    char path[512], token[TOKEN_SIZE];
    wardkey_options options, create;
    round_of_threads round;
    client lab;
    unsigned long allowed = 0;
    int i, rounds;
    if (argc != 3) {
        fprintf(stderr, "usage: %s FOLDER ROUNDS\n", argv[0]);
        return 2;
    }
    rounds = atoi(argv[2]);
    options = options_of(argv[1], path, sizeof path);
    create = creating(options, NULL);
    round.engine = open_or_exit(&create);
    lab = register_client(round.engine, "{\"client_name\":\"Lab\",\"scope\":\"lab:read\"}");
    issue_token(round.engine, &lab, NULL, token, sizeof token);
    EXPECT(WARDKEY_OK, wardkey_close(round.engine, NULL));
    round.lab = &lab;
    round.token = token;
    for (i = 0; i < rounds && failures == 0; i += 1) {
        /* From closing at once to closing when all are busy. */
        round.pause_ns = i % 5 * 1000000L;
        round.engine = open_or_exit(&options);
        allowed += run_round(&round);
    }
    CHECK(allowed > 0);
    printf("%d rounds, %lu calls before the closes\n", rounds, allowed);
    return verdict();
}
