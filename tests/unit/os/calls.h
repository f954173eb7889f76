/* SPDX-License-Identifier: MIT */

/* calls.h - the system calls for files, seen and troubled by tests.
 *
 * calls.c has functions of the C library's own names, so that all code of this program comes through them. As long as
 * nobody asks for trouble they pass on what they get. What they note is text, a word or two for each call, so that a
 * test can say in one string what must happen, and in which order:
 *
 *     "open new file; write 9; sync file; sync folder; "
 */
#ifndef GEOMYS_TEST_CALLS_H
#define GEOMYS_TEST_CALLS_H

#include <stdbool.h>
#include <stddef.h>

struct calls {
    /* What is to go wrong. */
    unsigned interrupted; /* every n-th call does nothing but say EINTR */
    size_t piece;         /* bytes that a call writes or reads at most; 0: no limit */
    unsigned fail_at;     /* the n-th of the noted calls fails, counted from 1; 0: none */
    int fail_with;        /* errno */
    bool no_sync;         /* fdatasync fails */
    /* What has happened. */
    unsigned count;
    unsigned dropped; /* how often the system was told to drop a file's pages */
    bool noting;      /* calls are written down, and may fail by fail_at */
    unsigned noted;
    char text[4096]; /* terminated */
};

/* Each test is a process of its own, and begins with zeros. */
extern struct calls calls;

/* Begins to note, from nothing. */
void calls_note(void);

#endif
