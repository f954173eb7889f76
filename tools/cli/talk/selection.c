/* SPDX-License-Identifier: MIT */

/* selection.c - following SELECT, within MULTI too. */
#include "cli/talk/selection.h"

struct selection_step selection_step(const struct gm_bytes *argv, size_t argc)
{
    int64_t number;
    if (argc == 2 && bytes_equal_nocase(argv[0], "select") && bytes_to_int(argv[1], &number) && number >= 0 &&
        number <= UINT16_MAX) {
        return (struct selection_step){SELECTION_CHOOSES, (int)number};
    }
    if (bytes_equal_nocase(argv[0], "exec")) {
        return (struct selection_step){.kind = SELECTION_CARRIES_OUT};
    }
    if (bytes_equal_nocase(argv[0], "discard")) {
        return (struct selection_step){.kind = SELECTION_DROPS};
    }
    if (bytes_equal_nocase(argv[0], "reset")) {
        return (struct selection_step){.kind = SELECTION_RESETS};
    }
    return (struct selection_step){.kind = SELECTION_STAYS};
}

void selection_follow(struct selection *selection, const struct selection_step *step, const struct answer *reply)
{
    bool queued = reply->type == ANSWER_STATUS && gm_bytes_equal(reply->text, BYTES("QUEUED"));
    switch (step->kind) {
    case SELECTION_STAYS:
        break;
    case SELECTION_CHOOSES:
        if (queued) {
            selection->queued = true;
            selection->queued_database = step->database;
        } else if (reply->type == ANSWER_STATUS) {
            selection->database = step->database;
        }
        break;
    case SELECTION_CARRIES_OUT:
        if (selection->queued && reply->type == ANSWER_ARRAY) {
            selection->database = selection->queued_database;
        }
        selection->queued = false;
        break;
    case SELECTION_DROPS:
        selection->queued = false;
        break;
    case SELECTION_RESETS:
        if (reply->type == ANSWER_STATUS) {
            *selection = (struct selection){0};
        }
        break;
    }
}
