/* SPDX-License-Identifier: MIT */

/* os_process.c - from /proc and getrusage. What cannot be learnt is 0 or "". */
#include "os/os_process.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

static uint64_t resident_bytes(struct process *process)
{
    (void)process;
    unsigned long long size = 0;
    unsigned long long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    int got = fscanf(file, "%llu %llu", &size, &resident);
    (void)fclose(file);
    return got == 2 ? resident * (unsigned long long)sysconf(_SC_PAGESIZE) : 0;
}

static void usage_of(int whom, uint64_t *user, uint64_t *system)
{
    struct rusage usage;
    memset(&usage, 0, sizeof usage);
    (void)getrusage(whom, &usage);
    *user = (uint64_t)usage.ru_utime.tv_sec * 1000000 + (uint64_t)usage.ru_utime.tv_usec;
    *system = (uint64_t)usage.ru_stime.tv_sec * 1000000 + (uint64_t)usage.ru_stime.tv_usec;
}

static void cpu_us(struct process *process, uint64_t *user, uint64_t *system)
{
    (void)process;
    usage_of(RUSAGE_SELF, user, system);
}

static void thread_cpu_us(struct process *process, uint64_t *user, uint64_t *system)
{
    (void)process;
    usage_of(RUSAGE_THREAD, user, system);
}

static const struct process_ops ops = {
    .resident_bytes = resident_bytes, .cpu_us = cpu_us, .thread_cpu_us = thread_cpu_us};

void os_process_init(struct os_process *process)
{
    memset(process, 0, sizeof *process);
    struct utsname name;
    if (uname(&name) == 0) {
        (void)snprintf(process->system, sizeof process->system, "%.80s %.80s %.80s", name.sysname, name.release,
                       name.machine);
        (void)snprintf(process->machine, sizeof process->machine, "%.200s", name.nodename);
    }
    ssize_t size = readlink("/proc/self/exe", process->program, sizeof process->program - 1);
    process->program[size > 0 ? size : 0] = '\0';
    long pages = sysconf(_SC_PHYS_PAGES);
    process->base = (struct process){.ops = &ops,
                                     .id = (int64_t)getpid(),
                                     .system = process->system,
                                     .program = process->program,
                                     .total_memory = pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0};
}

uint64_t os_process_descriptors(uint64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;
}
