/* SPDX-License-Identifier: MIT */

/* transaction.c - the queue of transaction.h. */
#include "serve/transaction.h"

#include "base/memory.h"

void transaction_init(struct transaction *transaction)
{
    *transaction = (struct transaction){.end = &transaction->queue};
}

void transaction_begin(struct transaction *transaction, uint32_t database, uint32_t databases)
{
    check(!transaction->open && transaction->queue == NULL && database < databases);
    transaction->open = true;
    transaction->database = database;
    transaction->databases = databases;
}

/* transaction I3 */
void transaction_choose(struct transaction *transaction, int64_t number)
{
    bool is = number >= 0 && number < (int64_t)transaction->databases;
    transaction->database = is ? (uint32_t)number : transaction->database;
}

bool transaction_queue(struct transaction *transaction, const struct request *request, size_t size_max)
{
    check(transaction->open);
    size_t size = request_kept_size(request);
    if (size > size_max || transaction->size > size_max - size) {
        return false; /* transaction I2 */
    }
    struct request_kept *kept = request_keep(request);
    check(kept->size == size);
    kept->database = transaction->database;
    *transaction->end = kept;
    transaction->end = &kept->next;
    transaction->count++;
    transaction->size += size;
    transaction->flags |= request_flags(request); /* transaction I1 */
    return true;
}

struct request_kept *transaction_take(struct transaction *transaction)
{
    struct request_kept *queue = transaction->queue;
    check((queue == NULL) == (transaction->count == 0) && *transaction->end == NULL);
    transaction_init(transaction);
    return queue;
}

void transaction_discard(struct transaction *transaction)
{
    struct request_kept *queue = transaction_take(transaction);
    while (queue != NULL) {
        struct request_kept *next = queue->next;
        memory_free(queue);
        queue = next;
    }
}
