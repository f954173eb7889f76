/* SPDX-License-Identifier: MIT */

/* writer.c - connecting, looking, writing. */
#include "writer.h"

#include <stdarg.h>
#include <stdio.h>

#define LOOK_AGAIN_US 3000

__attribute__((format(printf, 2, 3))) static void blame(struct writer *writer, const char *format, ...)
{
    if (writer->wrong[0] == '\0') {
        int size = snprintf(writer->wrong, sizeof writer->wrong,
                            "%s, client %u: ", sim_machine_address(writer->machine), writer->number);
        va_list args;
        va_start(args, format);
        (void)vsnprintf(writer->wrong + size, sizeof writer->wrong - (size_t)size, format, args);
        va_end(args);
    }
}

static void act_in(struct writer *writer, int64_t low_us, int64_t high_us)
{
    struct sim_time *time = sim_world_time(writer->world);
    sim_task_wake(&writer->task, time->now_us + sim_time_between(time, low_us, high_us));
}

/* ---- looking ---- */

static void look(struct writer *writer)
{
    writer->looking = true;
    writer->found_count = 0;
    writer->blackouts_asked = sim_machine_blackouts(writer->machine); /* an answer may come when it is dead */
    sim_client_say(writer->client, "GET t%u", writer->number);
    sim_client_say(writer->client, "GET n%u", writer->number);
    sim_client_say(writer->client, "LRANGE l%u 0 -1", writer->number);
}

static void judge(struct writer *writer)
{
    const char *const found[3] = {writer->found[0], writer->found[1], writer->found[2]};
    const struct witness *witness = &writer->witness;
    bool loses = writer->lossy && writer->blackouts_asked != writer->blackouts;
    if (!witness_find(&writer->witness, found, loses)) {
        char must[3][WITNESS_TEXT];
        witness_reads(&witness->states[witness->acked], must);
        blame(writer, "found %s %s %s, acknowledged was %s %s %s, and %zu more were sent", found[0], found[1], found[2],
              must[0], must[1], must[2], witness->count - 1 - witness->acked);
    }
    writer->blackouts = writer->blackouts_asked;
    writer->looking = false;
    writer->known = true;
    act_in(writer, 1, 1000);
}

static void take_found(struct writer *writer, const char *text)
{
    int size = snprintf(writer->found[writer->found_count], WITNESS_TEXT, "%s", text);
    check(size >= 0);
    if (++writer->found_count == 3) {
        judge(writer);
    }
}

/* ---- writing ---- */

__attribute__((format(printf, 3, 4))) static void expect(struct writer *writer, bool acks, const char *format, ...)
{
    va_list args;
    check(writer->pending < WRITER_PENDING);
    va_start(args, format);
    int size = vsnprintf(writer->expected[writer->pending].text, WITNESS_TEXT, format, args);
    va_end(args);
    check(size > 0 && size < WITNESS_TEXT);
    writer->expected[writer->pending++].acks = acks;
}

#define COUNT(value) ((unsigned long long)(value))

static void send_all(struct writer *writer, const struct witness_state *after)
{
    unsigned number = writer->number;
    sim_client_say(writer->client, "MULTI\r\nSET t%u %llu\r\nINCR n%u\r\nRPUSH l%u %llu\r\nEXEC", number,
                   COUNT(after->text), number, number, COUNT(after->next - 1));
    expect(writer, false, "OK");
    expect(writer, false, "QUEUED");
    expect(writer, false, "QUEUED");
    expect(writer, false, "QUEUED");
    expect(writer, true, "[OK :%llu :%llu]", COUNT(after->number), COUNT(after->next - after->first));
}

static void write_one(struct writer *writer, enum witness_op op)
{
    struct witness *witness = &writer->witness;
    struct witness_state before = witness->states[witness->count - 1];
    const struct witness_state *after = witness_send(witness, op);
    switch (op) {
    case WITNESS_SET:
        sim_client_say(writer->client, "SET t%u %llu", writer->number, COUNT(after->text));
        expect(writer, true, "OK");
        break;
    case WITNESS_DEL:
        sim_client_say(writer->client, "DEL t%u", writer->number);
        expect(writer, true, ":%d", before.text != 0);
        break;
    case WITNESS_INCR:
        sim_client_say(writer->client, "INCR n%u", writer->number);
        expect(writer, true, ":%llu", COUNT(after->number));
        break;
    case WITNESS_PUSH:
        sim_client_say(writer->client, "RPUSH l%u %llu", writer->number, COUNT(after->next - 1));
        expect(writer, true, ":%llu", COUNT(after->next - after->first));
        break;
    case WITNESS_POP:
        sim_client_say(writer->client, "LPOP l%u", writer->number);
        if (before.first == before.next) {
            expect(writer, true, "nil");
        } else {
            expect(writer, true, "\"%llu\"", COUNT(before.first));
        }
        break;
    case WITNESS_ALL:
        send_all(writer, after);
        break;
    case WITNESS_OPS:
        check(false);
    }
}

static void take_answer(struct writer *writer, const char *text)
{
    if (writer->pending == 0) {
        blame(writer, "was told %s, and had asked nothing", text);
        return;
    }
    if (strcmp(writer->expected[0].text, text) != 0) {
        blame(writer, "was told %s instead of %s", text, writer->expected[0].text);
    }
    if (writer->expected[0].acks) {
        witness_ack(&writer->witness);
        writer->acked++;
    }
    memmove(writer->expected, writer->expected + 1, --writer->pending * sizeof writer->expected[0]);
    act_in(writer, 1, 2000);
}

/* ---- what happens ---- */

static void on_reply(void *context, const char *text)
{
    struct writer *writer = context;
    if (writer->looking) {
        take_found(writer, text);
    } else {
        take_answer(writer, text);
    }
}

static void on_gone(void *context)
{
    struct writer *writer = context;
    writer->pending = 0;
    writer->looking = false;
    writer->known = false;
    act_in(writer, 100, LOOK_AGAIN_US);
}

static const struct sim_client_ops client_ops = {.on_reply = on_reply, .on_gone = on_gone};

static void act(struct sim_task *task)
{
    struct writer *writer = container_of(task, struct writer, task);
    struct sim_time *time = sim_world_time(writer->world);
    if (!sim_client_connected(writer->client)) {
        if (!sim_machine_serves(writer->machine) || !sim_client_connect(writer->client, writer->machine)) {
            act_in(writer, LOOK_AGAIN_US, 3 * LOOK_AGAIN_US);
            return;
        }
        look(writer);
    } else if (!writer->looking && writer->pending == 0 && (!writer->known || sim_time_chance(time, 20))) {
        look(writer);
    } else if (!writer->looking && writer->known && !writer->quiet && writer->pending + 5 <= WRITER_PENDING / 2) {
        enum witness_op op = (enum witness_op)sim_time_between(time, 0, WITNESS_OPS - 1);
        write_one(writer, witness_choose(&writer->witness, op));
        act_in(writer, 1, 4000);
    }
}

void writer_init(struct writer *writer, struct sim_world *world, struct sim_machine *machine, unsigned number)
{
    *writer = (struct writer){.world = world, .machine = machine, .number = number};
    witness_init(&writer->witness);
    writer->client = sim_world_client(world, &client_ops, writer);
    sim_time_add(sim_world_time(world), &writer->task, act);
    act_in(writer, 1, LOOK_AGAIN_US);
}

void writer_hush(struct writer *writer)
{
    writer->quiet = true;
    writer->known = false;
    act_in(writer, 1, 1000);
}

void writer_finish(struct writer *writer)
{
    list_remove(&writer->task.link);
    witness_finish(&writer->witness);
}
