/* SPDX-License-Identifier: MIT */

/* cells.c - cells.h has the argument. */
#include "cli/text/cells.h"

#include <wchar.h>

#include "base/utf8.h"

int cells_of(uint32_t character)
{
    if (!utf8_plain(character)) {
        return -1;
    }
    return character < 0x7f ? 1 : wcwidth((wchar_t)character);
}
