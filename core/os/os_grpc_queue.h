/* SPDX-License-Identifier: MIT */

/* os_grpc_queue.h - messages of a link that wait, in one direction. */
#ifndef GEOMYS_OS_OS_GRPC_QUEUE_H
#define GEOMYS_OS_OS_GRPC_QUEUE_H

#include <grpc/byte_buffer.h>

#include "base/bytes.h"
#include "base/list.h"

/* What a message counts beside its bytes: its buffer takes so much, and without it a flood of empty ones would be
 * without bounds. */
#define OS_GRPC_MESSAGE_COST ((size_t)256)

struct os_grpc_message {
    struct list link;
    grpc_byte_buffer *buffer;
    size_t size;
    grpc_slice whole; /* what os_grpc_message_content has put together */
};

struct os_grpc_queue {
    struct list messages;
    size_t bytes;
};

struct os_grpc_message *os_grpc_message_copy(struct gm_bytes content);
struct os_grpc_message *os_grpc_message_take(grpc_byte_buffer *buffer); /* takes the buffer */
void os_grpc_message_free(struct os_grpc_message *message);

/* In one piece, borrowed until it is freed. Copies what came in several. */
struct gm_bytes os_grpc_message_content(struct os_grpc_message *message);

static inline size_t os_grpc_message_cost(const struct os_grpc_message *message)
{
    return message->size + OS_GRPC_MESSAGE_COST;
}

void os_grpc_queue_init(struct os_grpc_queue *queue);
void os_grpc_queue_push(struct os_grpc_queue *queue, struct os_grpc_message *message);
struct os_grpc_message *os_grpc_queue_pop(struct os_grpc_queue *queue); /* there is one; its bytes are taken off */
void os_grpc_queue_clear(struct os_grpc_queue *queue);

#endif
