/* SPDX-License-Identifier: MIT */

/* count.c - from a call to the meters of the thread that carries it out. */
#include "serve/count.h"

static struct command_meter *meter_of(const struct call *call)
{
    return &call->worker->meters.commands[call->command->index];
}

void count_refused(const struct call *call)
{
    check_slow(call->reply.error);
    meter_of(call)->rejected++;
}

seldom static void keep_in_slowlog(const struct call *call, uint64_t us)
{
    check(call->abi.argc > 0);
    const struct command *command = call->command;
    bool secret = (command->abi->flags & CALL_SECRET) != 0;
    struct slowlog_call kept = {.argv = call->abi.argv,
                                .argc = call->abi.argc,
                                .shown = secret ? command->usage.words : UINT32_MAX,
                                .address = call->caller.address,
                                .name = call->caller.name,
                                .time_s = call->worker->now_ms / 1000};
    slowlog_add(&call->worker->meters.slowlog, &kept, us);
}

seldom static void count_slow(const struct call *call, uint64_t ns)
{
    struct meters *meters = &call->worker->meters;
    uint64_t us = ns / 1000;
    uint32_t flags = call->command->abi->flags;
    if (slowlog_wants(&meters->slowlog, us) && (flags & CALL_COMPOUND) == 0) {
        keep_in_slowlog(call, us);
    }
    latency_add(&meters->latency, (flags & GM_FAST) != 0 ? "fast-command" : "command", (int64_t)(us / 1000));
}

static void count_time(struct call *call, struct command_meter *meter)
{
    struct timing *timing = &call->worker->meters.timing;
    uint64_t ns = timing_end(timing, call->began);
    if (__builtin_expect(call->again, 0)) {
        ns += call->caller.session->spent_ns;
        call->caller.session->spent_ns = 0;
    }
    command_meter_time(meter, ns);
    if (__builtin_expect(ns >= timing->slow_ns, 0)) {
        count_slow(call, ns);
    }
}

void count_call(struct call *call)
{
    struct command_meter *meter = meter_of(call);
    meter->calls++;
    meter->failed += call->reply.error;
    if (__builtin_expect(call->worker->meters.timing.ticks != NULL, 1)) {
        count_time(call, meter);
    }
}

void count_unblocked(struct session *session)
{
    check(session->waiting && session->parked->request.command != NULL);
    struct command_meter *meter = &session->worker->meters.commands[session->parked->request.command->index];
    meter->calls++;
    meter->failed++;
    command_meter_time(meter, session->spent_ns);
    session->spent_ns = 0;
}

void count_wait(struct call *call)
{
    check(call->waits);
    struct timing *timing = &call->worker->meters.timing;
    if (timing->ticks == NULL) {
        return;
    }
    uint64_t ns = timing_end(timing, call->began);
    struct session *session = call_session(call);
    session->spent_ns = (call->again ? session->spent_ns : 0) + ns;
}
