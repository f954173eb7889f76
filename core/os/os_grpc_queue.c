/* SPDX-License-Identifier: MIT */

/* os_grpc_queue.c - messages of a link that wait.
 *
 * Idea     A message is a buffer of gRPC from the beginning: what is sent is copied into one once, what has arrived in
 *          one piece is handed out as it lies there. */
#include "os/os_grpc_queue.h"

#include <grpc/byte_buffer_reader.h>

#include "base/memory.h"

struct os_grpc_message *os_grpc_message_copy(struct gm_bytes content)
{
    grpc_slice slice = grpc_slice_from_copied_buffer((const char *)content.data, content.size);
    struct os_grpc_message *message = os_grpc_message_take(grpc_raw_byte_buffer_create(&slice, 1));
    grpc_slice_unref(slice);
    return message;
}

struct os_grpc_message *os_grpc_message_take(grpc_byte_buffer *buffer)
{
    struct os_grpc_message *message = memory_zeroed(sizeof *message);
    list_init(&message->link);
    message->buffer = buffer;
    message->size = grpc_byte_buffer_length(buffer);
    message->whole = grpc_empty_slice();
    return message;
}

void os_grpc_message_free(struct os_grpc_message *message)
{
    grpc_slice_unref(message->whole);
    grpc_byte_buffer_destroy(message->buffer);
    memory_free(message);
}

struct gm_bytes os_grpc_message_content(struct os_grpc_message *message)
{
    const grpc_slice_buffer *pieces = &message->buffer->data.raw.slice_buffer;
    const grpc_slice *all = &message->whole;
    if (pieces->count == 1) {
        all = &pieces->slices[0];
    } else if (pieces->count > 1) {
        grpc_byte_buffer_reader reader;
        int begun = grpc_byte_buffer_reader_init(&reader, message->buffer);
        check(begun != 0);
        message->whole = grpc_byte_buffer_reader_readall(&reader);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    return gm_bytes_at(GRPC_SLICE_START_PTR(*all), GRPC_SLICE_LENGTH(*all));
}

void os_grpc_queue_init(struct os_grpc_queue *queue)
{
    list_init(&queue->messages);
    queue->bytes = 0;
}

void os_grpc_queue_push(struct os_grpc_queue *queue, struct os_grpc_message *message)
{
    list_push_back(&queue->messages, &message->link);
    queue->bytes += os_grpc_message_cost(message);
}

struct os_grpc_message *os_grpc_queue_pop(struct os_grpc_queue *queue)
{
    check(!list_empty(&queue->messages));
    struct os_grpc_message *message = container_of(queue->messages.next, struct os_grpc_message, link);
    list_remove(&message->link);
    queue->bytes -= os_grpc_message_cost(message);
    return message;
}

void os_grpc_queue_clear(struct os_grpc_queue *queue)
{
    while (!list_empty(&queue->messages)) {
        os_grpc_message_free(os_grpc_queue_pop(queue));
    }
}
