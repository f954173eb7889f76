/* SPDX-License-Identifier: MIT */

/* counter_value.c - the text of a fraction: [-]digits.digits, no zero at the end, and none in front but one alone. */
#include "counter_value.h"

#include "geomys/number.h"

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

bool counter_float_canonical(struct gm_bytes text)
{
    size_t at = text.size > 0 && text.data[0] == '-' ? 1 : 0;
    size_t whole = at;
    while (at < text.size && is_digit(text.data[at])) {
        at++;
    }
    if (text.size >= GM_FLOAT_TEXT || at == whole || (text.data[whole] == '0' && at > whole + 1)) {
        return false;
    }
    if (at == text.size) {
        int64_t number = 0;
        bool minus_zero = text.data[whole] == '0' && whole == 1;
        return !minus_zero && !gm_parse_int(text, &number);
    }
    size_t fractions = text.size - at - 1;
    if (text.data[at] != '.' || fractions == 0 || fractions > COUNTER_FRACTIONS || text.data[text.size - 1] == '0') {
        return false;
    }
    while (++at < text.size) {
        if (!is_digit(text.data[at])) {
            return false;
        }
    }
    return true;
}
