/* SPDX-License-Identifier: MIT */

/* kv_value.c - the arithmetic of strings: ranges, bits, bit fields.
 *
 * Why     What a client can get wrong by one (ends included, numbers from the end, bits that straddle bytes,
 *         overflow) stands here alone, so that it can be tested against slow and obvious models without a host.
 *
 * Idea    A range of bits is walked as [bits up to a byte][words of 8 bytes][bytes][bits of the last byte]. A field
 *         of at most 64 bits lies in at most 9 bytes, which one 128-bit number holds:
 *
 *              byte      0        1                 8
 *                    |...sXXXX|XXXXXXXX| ... |XXX.....|     s: bit % 8, then `width` bits, big-endian
 *
 * Promises
 *   P1  Nothing is read behind value.size, nothing written outside the field's bytes.
 *   P2  No arithmetic wraps unless it is asked for by KV_WRAP: sums of fields are made in 128 bits.
 */
#include "kv_value.h"

#include "geomys/number.h"

#define EMBSTR_SIZE_MAX 44

/* ---- ranges -------------------------------------------------------------------------------------------------- */

static uint64_t from_end(int64_t number, uint64_t size)
{
    if (number >= 0) {
        return (uint64_t)number;
    }
    uint64_t back = (uint64_t)0 - (uint64_t)number;
    return back < size ? size - back : 0;
}

struct kv_range kv_value_clamp(int64_t start, int64_t end, uint64_t size)
{
    uint64_t first = from_end(start, size);
    uint64_t last = from_end(end, size);
    if (size == 0 || first >= size || first > last) {
        return (struct kv_range){0, 0};
    }
    if (last >= size) {
        last = size - 1;
    }
    return (struct kv_range){first, last - first + 1};
}

struct kv_range kv_value_range(int64_t start, int64_t end, uint64_t size)
{
    if (start < 0 && end < 0 && start > end) {
        return (struct kv_range){0, 0};
    }
    return kv_value_clamp(start, end, size);
}

const char *kv_value_encoding(struct gm_bytes value)
{
    int64_t number;
    if (gm_parse_int(value, &number)) {
        return "int";
    }
    return value.size <= EMBSTR_SIZE_MAX ? "embstr" : "raw";
}

/* ---- bits ---------------------------------------------------------------------------------------------------- */

static uint64_t load_word(const uint8_t *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

static uint64_t load_word_big_endian(const uint8_t *data)
{
    uint64_t word = load_word(data);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(word) : word;
}

/* Within one byte: leaves out `skip` high bits and keeps the next `take`. */
static uint8_t byte_mask(unsigned skip, unsigned take)
{
    return (uint8_t)((0xffu >> skip) & ~(0xffu >> (skip + take)));
}

static uint64_t minimum(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

bool kv_value_bit(struct gm_bytes value, uint64_t bit)
{
    return bit >> 3 < value.size && (value.data[bit >> 3] & (0x80u >> (bit & 7))) != 0;
}

#define EACH_BYTE(byte) (UINT64_MAX / 0xff * (byte))

/* The number of set bits of each byte, in that byte. */
static uint64_t ones_per_byte(uint64_t word)
{
    word -= (word >> 1) & EACH_BYTE(0x55);
    word = (word & EACH_BYTE(0x33)) + ((word >> 2) & EACH_BYTE(0x33));
    return (word + (word >> 4)) & EACH_BYTE(0x0f);
}

/* The sum of the eight bytes of a word, each at most 255: pairs first, since eight of them do not fit one byte. */
static uint64_t sum_of_bytes(uint64_t word)
{
    const uint64_t low_of_pairs = UINT64_MAX / 0xffff * 0xff;
    uint64_t pairs = (word & low_of_pairs) + ((word >> 8) & low_of_pairs);
    return (pairs * (UINT64_MAX / 0xffff)) >> 48;
}

/* The compiler may not assume that every machine can count bits itself, so they are counted in all bytes of a word
 * side by side; 31 words together stay below 256 in each byte and are summed up at once. */
#define WORDS_AT_ONCE 31

static uint64_t count_ones(const uint8_t *data, size_t size)
{
    uint64_t ones = 0;
    while (size >= 8) {
        size_t words = size / 8 < WORDS_AT_ONCE ? size / 8 : WORDS_AT_ONCE;
        uint64_t counts = 0;
        for (size_t i = 0; i < words; i++) {
            counts += ones_per_byte(load_word(data + i * 8));
        }
        ones += sum_of_bytes(counts);
        data += words * 8;
        size -= words * 8;
    }
    for (size_t i = 0; i < size; i++) {
        ones += ones_per_byte(data[i]);
    }
    return ones;
}

/* `take` bits from `bit` on, all within one byte. */
static uint64_t count_in_byte(struct gm_bytes value, uint64_t bit, uint64_t take)
{
    return ones_per_byte(value.data[bit >> 3] & byte_mask(bit & 7, (unsigned)take));
}

uint64_t kv_value_bit_count(struct gm_bytes value, struct kv_range bits)
{
    uint64_t at = bits.first;
    uint64_t left = bits.count;
    uint64_t ones = 0;
    if ((at & 7) != 0 && left > 0) {
        uint64_t take = minimum(8 - (at & 7), left);
        ones += count_in_byte(value, at, take);
        at += take;
        left -= take;
    }
    if (left >= 8) {
        ones += count_ones(value.data + (at >> 3), left >> 3);
        at += left & ~(uint64_t)7;
        left &= 7;
    }
    return left > 0 ? ones + count_in_byte(value, at, left) : ones;
}

int64_t kv_value_bit_find(struct gm_bytes value, bool wanted, struct kv_range bits)
{
    uint64_t at = bits.first;
    uint64_t end = bits.first + bits.count;
    uint64_t flip = wanted ? 0 : UINT64_MAX;
    while (at < end) {
        if ((at & 7) == 0 && end - at >= 64) {
            uint64_t word = load_word_big_endian(value.data + (at >> 3)) ^ flip;
            if (word != 0) {
                return (int64_t)at + __builtin_clzll(word);
            }
            at += 64;
            continue;
        }
        uint64_t take = minimum(8 - (at & 7), end - at);
        uint64_t byte = (value.data[at >> 3] ^ flip) & byte_mask(at & 7, (unsigned)take);
        if (byte != 0) {
            return (int64_t)(at & ~(uint64_t)7) + __builtin_clzll(byte) - 56;
        }
        at += take;
    }
    return -1;
}

static uint64_t combine_word(enum kv_bit_op op, uint64_t a, uint64_t b)
{
    return op == KV_BIT_AND ? a & b : op == KV_BIT_OR ? a | b : a ^ b;
}

void kv_value_bit_combine(enum kv_bit_op op, uint8_t *target, size_t size, struct gm_bytes source)
{
    size_t at = 0;
    for (; source.size - at >= 8; at += 8) {
        uint64_t word = combine_word(op, load_word(target + at), load_word(source.data + at));
        memcpy(target + at, &word, sizeof word);
    }
    for (; at < source.size; at++) {
        target[at] = (uint8_t)combine_word(op, target[at], source.data[at]);
    }
    if (op == KV_BIT_AND && size > at) {
        memset(target + at, 0, size - at);
    }
}

void kv_value_bit_invert(uint8_t *target, size_t size)
{
    size_t at = 0;
    for (; size - at >= 8; at += 8) {
        uint64_t word = ~load_word(target + at);
        memcpy(target + at, &word, sizeof word);
    }
    for (; at < size; at++) {
        target[at] = (uint8_t)~target[at];
    }
}

/* ---- bit fields ---------------------------------------------------------------------------------------------- */

bool kv_value_parse_field(struct gm_bytes text, struct kv_field *out)
{
    int64_t width;
    if (text.size < 2 || (text.data[0] != 'i' && text.data[0] != 'u')) {
        return false;
    }
    bool is_signed = text.data[0] == 'i';
    if (!gm_parse_int((struct gm_bytes){text.data + 1, text.size - 1}, &width) || width < 1 ||
        width > (is_signed ? 64 : 63)) {
        return false;
    }
    out->width = (uint8_t)width;
    out->is_signed = is_signed;
    return true;
}

static uint64_t field_mask(struct kv_field field)
{
    return UINT64_MAX >> (64 - field.width);
}

/* The low bits of `raw` as the field's number: sign-extended if it is signed. */
static int64_t field_number(struct kv_field field, uint64_t raw)
{
    raw &= field_mask(field);
    if (field.is_signed && (raw >> (field.width - 1)) != 0) {
        raw |= ~field_mask(field);
    }
    return (int64_t)raw;
}

static unsigned field_bytes(struct kv_field field)
{
    return ((unsigned)(field.bit & 7) + field.width + 7) >> 3;
}

/* How many bits of the field's last byte follow it. */
static unsigned field_shift(struct kv_field field)
{
    return field_bytes(field) * 8 - (unsigned)(field.bit & 7) - field.width;
}

static unsigned __int128 load_field(struct gm_bytes value, struct kv_field field)
{
    uint64_t first = field.bit >> 3;
    unsigned __int128 bytes = 0;
    for (unsigned i = 0; i < field_bytes(field); i++) {
        bytes = bytes << 8 | (first + i < value.size ? value.data[first + i] : 0);
    }
    return bytes;
}

int64_t kv_value_field_get(struct gm_bytes value, struct kv_field field)
{
    return field_number(field, (uint64_t)(load_field(value, field) >> field_shift(field)));
}

void kv_value_field_set(uint8_t *data, struct kv_field field, int64_t number)
{
    uint64_t first = field.bit >> 3;
    unsigned size = field_bytes(field);
    unsigned __int128 mask = (unsigned __int128)field_mask(field) << field_shift(field);
    unsigned __int128 bytes = load_field((struct gm_bytes){data, first + size}, field);
    bytes = (bytes & ~mask) | (((unsigned __int128)(uint64_t)number << field_shift(field)) & mask);
    for (unsigned i = size; i-- > 0; bytes >>= 8) {
        data[first + i] = (uint8_t)bytes;
    }
}

static bool field_fit(struct kv_field field, __int128 number, enum kv_overflow overflow, int64_t *out)
{
    __int128 greatest = (__int128)(field.is_signed ? field_mask(field) >> 1 : field_mask(field));
    __int128 least = field.is_signed ? -greatest - 1 : 0;
    if (number >= least && number <= greatest) {
        *out = (int64_t)number;
    } else if (overflow == KV_FAIL) {
        return false;
    } else if (overflow == KV_SATURATE) {
        *out = (int64_t)(number < least ? least : greatest);
    } else {
        *out = field_number(field, (uint64_t)number);
    }
    return true;
}

bool kv_value_field_store(struct kv_field field, int64_t number, enum kv_overflow overflow, int64_t *out)
{
    /* For an unsigned field clients know a negative number as a very great one: it saturates to the greatest. */
    return field_fit(field, field.is_signed ? (__int128)number : (__int128)(uint64_t)number, overflow, out);
}

bool kv_value_field_add(struct kv_field field, int64_t old, int64_t number, enum kv_overflow overflow, int64_t *out)
{
    return field_fit(field, (__int128)old + number, overflow, out);
}
