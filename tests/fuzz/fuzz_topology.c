/* SPDX-License-Identifier: MIT */

/* Any bytes as a topology: what is taken was checked, and encodes to bytes that decode to the same. */
#include "base/memory.h"
#include "wire/topology.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct topology *topology = memory_zeroed(sizeof *topology);
    struct topology *again = memory_zeroed(sizeof *again);
    uint8_t *bytes = memory_alloc(TOPOLOGY_BYTES_MAX);
    struct complaint complaint = {""};
    if (topology_decode(gm_bytes_at(data, size), topology, &complaint) == STATUS_OK) {
        size_t written = topology_encode(topology, bytes, TOPOLOGY_BYTES_MAX);
        enum status status = topology_decode(gm_bytes_at(bytes, written), again, &complaint);
        check(status == STATUS_OK && again->version == topology->version);
        uint8_t *twice = memory_alloc(TOPOLOGY_BYTES_MAX);
        size_t size_twice = topology_encode(again, twice, TOPOLOGY_BYTES_MAX);
        check(size_twice == written && memcmp(bytes, twice, written) == 0);
        memory_free(twice);
    } else {
        check(complaint.text[0] != '\0');
    }
    memory_free(bytes);
    memory_free(again);
    memory_free(topology);
    return 0;
}
