/* SPDX-License-Identifier: MIT */

/* deque.c - the module: sequences of byte strings, open at both ends, with the commands that Redis has for lists.
 *
 * Layers    packed.h           elements in a run of bytes
 *           deque_value        blocks of them: a big deque, without ABI
 *           deque_type         the type: cells, records, dump, facets
 *           deque_plan_...     the commands
 *           here               their table
 */
#include "deque_plan.h"
#include "geomys/ext/wait.h"

#define COMMAND(...)                                                                                                   \
    {                                                                                                                  \
        .size = sizeof(struct gm_command), .type = &deque_type, __VA_ARGS__                                            \
    }

/* With several keys the plan looks at their types itself: deque_plan.h says why. */
#define SEVERAL GM_ACCEPT_ANY

static const struct gm_command commands[] = {
    COMMAND(.usage = "PUSH key element...", .flags = GM_WRITE | GM_FAST | GM_GROWS,
            .summary =
                "Appends elements to a list, creating it if it does not exist, and replies with its length. Another "
                "name for RPUSH.",
            .complexity = "O(n), n the number of elements pushed", .example = "PUSH tasks wash dry",
            .plan = deque_plan_rpush),
    COMMAND(.usage = "RPUSH key element...", .flags = GM_WRITE | GM_FAST | GM_GROWS,
            .summary = "Appends elements to a list, creating it if it does not exist, and replies with its length.",
            .complexity = "O(n), n the number of elements pushed", .example = "RPUSH tasks wash dry",
            .plan = deque_plan_rpush),
    COMMAND(.usage = "LPUSH key element...", .flags = GM_WRITE | GM_FAST | GM_GROWS,
            .summary =
                "Puts elements, one after the other, at the front of a list, creating it if it does not exist, and "
                "replies with its length.",
            .complexity = "O(n), n the number of elements pushed", .example = "LPUSH tasks wash dry",
            .plan = deque_plan_lpush),
    COMMAND(.usage = "RPUSHX key element...", .flags = GM_WRITE | GM_FAST | GM_GROWS,
            .summary = "Appends elements to a list only if it exists, and replies with its length, 0 if it does not.",
            .complexity = "O(n), n the number of elements pushed", .example = "RPUSHX tasks iron",
            .plan = deque_plan_rpushx),
    COMMAND(.usage = "LPUSHX key element...", .flags = GM_WRITE | GM_FAST | GM_GROWS,
            .summary =
                "Puts elements at the front of a list only if it exists, and replies with its length, 0 if it does "
                "not.",
            .complexity = "O(n), n the number of elements pushed", .example = "LPUSHX tasks iron",
            .plan = deque_plan_lpushx),
    COMMAND(.usage = "LPOP key [count:count]", .flags = GM_WRITE | GM_FAST,
            .summary = "Removes the first element of a list, or the first so many, and replies with what was removed.",
            .complexity = "O(n), n the number of elements removed", .example = "LPOP tasks", .plan = deque_plan_lpop),
    COMMAND(.usage = "RPOP key [count:count]", .flags = GM_WRITE | GM_FAST,
            .summary = "Removes the last element of a list, or the last so many, and replies with what was removed.",
            .complexity = "O(n), n the number of elements removed", .example = "RPOP tasks 2", .plan = deque_plan_rpop),
    COMMAND(.usage = "LLEN key", .flags = GM_READ | GM_FAST,
            .summary = "Replies with the number of elements of a list, 0 if it does not exist.", .complexity = "O(1)",
            .example = "LLEN tasks", .plan = deque_plan_llen),
    COMMAND(.usage = "LRANGE key start:int stop:int", .flags = GM_READ,
            .summary =
                "Replies with the elements from one index to another, both included; negative ones count from the "
                "end, -1 the last.",
            .complexity = "O(b + n), b the number of 4 KiB blocks from the nearer end to the start, n the number of "
                          "elements replied",
            .example = "LRANGE tasks 0 -1", .plan = deque_plan_lrange),
    COMMAND(.usage = "LINDEX key index:int", .flags = GM_READ,
            .summary = "Replies with one element by its index; a negative one counts from the end, -1 the last.",
            .complexity = "O(b), b the number of 4 KiB blocks from the nearer end to the element",
            .example = "LINDEX tasks -1", .plan = deque_plan_lindex),
    COMMAND(.usage = "LSET key index:int element", .flags = GM_WRITE | GM_GROWS,
            .summary = "Replaces one element by its index; a negative one counts from the end, -1 the last.",
            .complexity = "O(b), b the number of 4 KiB blocks from the nearer end to the element",
            .example = "LSET tasks 0 dust", .plan = deque_plan_lset),
    COMMAND(.usage = "LINSERT key <BEFORE|AFTER> pivot element", .flags = GM_WRITE | GM_GROWS,
            .summary = "Inserts an element before or after the first one that equals the pivot, and replies with the "
                       "length, -1 if there is no such, 0 if there is no list.",
            .complexity = "O(n), n the number of elements passed to find the pivot",
            .example = "LINSERT tasks BEFORE dry rinse", .plan = deque_plan_linsert),
    COMMAND(.usage = "LREM key count:int element", .flags = GM_WRITE,
            .summary =
                "Removes the first so many elements that equal the given one, from the end if the count is negative, "
                "all if it is 0, and replies with how many.",
            .complexity = "O(n), n the length of the list", .example = "LREM tasks 0 dry", .plan = deque_plan_lrem),
    COMMAND(.usage = "LTRIM key start:int stop:int", .flags = GM_WRITE,
            .summary = "Removes all elements but those from one index to another, both included.",
            .complexity = "O(b), b the number of 4 KiB blocks removed", .example = "LTRIM tasks 0 99",
            .plan = deque_plan_ltrim),
    COMMAND(.usage = "LPOS key element [RANK rank:int] [COUNT matches:int] [MAXLEN length:int]", .flags = GM_READ,
            .summary =
                "Replies with the index of an element, from the RANK-th match on (from the end if negative), with all "
                "or so many indexes if COUNT is given, looking at MAXLEN elements at most.",
            .complexity = "O(n), n the number of elements compared", .example = "LPOS tasks dry RANK -1",
            .plan = deque_plan_lpos),
    COMMAND(.usage = "LMOVE source:key destination:key <LEFT|RIGHT> <LEFT|RIGHT>",
            .flags = GM_WRITE | GM_GROWS | SEVERAL,
            .summary =
                "Moves an element from one side of a list to one side of another, or of the same, and replies with "
                "it.",
            .complexity = "O(1)", .example = "LMOVE tasks done LEFT RIGHT", .plan = deque_plan_lmove),
    COMMAND(.usage = "RPOPLPUSH source:key destination:key", .flags = GM_WRITE | GM_GROWS | SEVERAL,
            .summary = "Moves the last element of a list to the front of another, or of the same, and replies with it.",
            .complexity = "O(1)", .example = "RPOPLPUSH tasks done", .plan = deque_plan_rpoplpush),
    COMMAND(.usage = "LMPOP numkeys:int key{numkeys} <LEFT|RIGHT> [COUNT count:positive]", .flags = GM_WRITE | SEVERAL,
            .summary =
                "Removes elements, one or at most COUNT, from one side of the first list that exists, and replies "
                "with its key and them.",
            .complexity = "O(k + n), k the number of keys, n the number of elements removed",
            .example = "LMPOP 2 urgent tasks LEFT COUNT 10", .plan = deque_plan_lmpop),
    COMMAND(.usage = "BLPOP key... timeout:timeout", .flags = GM_WRITE | GM_BLOCKS | SEVERAL,
            .summary =
                "Removes the first element of the first list that exists, waiting so many seconds for one (0: without "
                "end), and replies with its key and it.",
            .complexity = "O(k), k the number of keys", .example = "BLPOP urgent tasks 0.5", .plan = deque_plan_blpop),
    COMMAND(.usage = "BRPOP key... timeout:timeout", .flags = GM_WRITE | GM_BLOCKS | SEVERAL,
            .summary =
                "Removes the last element of the first list that exists, waiting so many seconds for one (0: without "
                "end), and replies with its key and it.",
            .complexity = "O(k), k the number of keys", .example = "BRPOP urgent tasks 0.5", .plan = deque_plan_brpop),
    COMMAND(.usage = "BLMOVE source:key destination:key <LEFT|RIGHT> <LEFT|RIGHT> timeout:timeout",
            .flags = GM_WRITE | GM_GROWS | GM_BLOCKS | SEVERAL,
            .summary = "Moves an element as LMOVE does, waiting so many seconds for one (0: without end).",
            .complexity = "O(1)", .example = "BLMOVE tasks done LEFT RIGHT 0.5", .plan = deque_plan_blmove),
    COMMAND(.usage = "BRPOPLPUSH source:key destination:key timeout:timeout",
            .flags = GM_WRITE | GM_GROWS | GM_BLOCKS | SEVERAL,
            .summary = "Moves an element as RPOPLPUSH does, waiting so many seconds for one (0: without end).",
            .complexity = "O(1)", .example = "BRPOPLPUSH tasks done 0.5", .plan = deque_plan_brpoplpush),
    COMMAND(.usage = "BLMPOP timeout:timeout numkeys:int key{numkeys} <LEFT|RIGHT> [COUNT count:positive]",
            .flags = GM_WRITE | GM_BLOCKS | SEVERAL,
            .summary = "Removes elements as LMPOP does, waiting so many seconds for a list (0: without end).",
            .complexity = "O(k + n), k the number of keys, n the number of elements removed",
            .example = "BLMPOP 0.5 2 urgent tasks LEFT COUNT 10", .plan = deque_plan_blmpop),
};

static const struct gm_type *const types[] = {&deque_type};
static const char *const needs[] = {GM_WAIT_2};

GM_MODULE(.name = "geomys.deque", .version = GEOMYS_VERSION, .licence = "MIT",
          .summary = "Lists: sequences of byte strings, open at both ends.", .group = "list", .types = types,
          .commands = commands, .needs = needs, .type_count = sizeof types / sizeof types[0],
          .command_count = sizeof commands / sizeof commands[0], .need_count = sizeof needs / sizeof needs[0])
