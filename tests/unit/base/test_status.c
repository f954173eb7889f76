/* SPDX-License-Identifier: MIT */

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "base/status.h"

static enum status tried(enum status status, bool *went_on)
{
    TRY(status);
    *went_on = true;
    return STATUS_EXISTS;
}

Test(status, has_a_text_for_each)
{
    cr_assert_str_eq(status_text(STATUS_OK), "success");
    for (int a = STATUS_OK; a <= STATUS_REFUSED; a++) {
        cr_assert_str_neq(status_text((enum status)a), "unknown status");
        for (int b = STATUS_OK; b < a; b++) {
            cr_assert_str_neq(status_text((enum status)a), status_text((enum status)b));
        }
    }
    cr_assert_str_eq(status_text((enum status)(STATUS_REFUSED + 1)), "unknown status");

    bool went_on = false;
    cr_assert_eq(tried(STATUS_IO, &went_on), STATUS_IO);
    cr_assert_not(went_on);
    cr_assert_eq(tried(STATUS_OK, &went_on), STATUS_EXISTS);
    cr_assert(went_on);
}

Test(status, complaints_are_built_from_the_inside_out)
{
    struct complaint complaint;
    complaint_set(&complaint, "bad port %d", 70000);
    complaint_prefix(&complaint, "line %d", 3);
    complaint_prefix(&complaint, "%s", "geomys.conf");
    cr_assert_str_eq(complaint.text, "geomys.conf: line 3: bad port 70000");

    complaint_set(&complaint, "%0600d", 1);
    cr_assert_eq(strlen(complaint.text), sizeof complaint.text - 1, "too long: cut, and terminated");
    complaint_prefix(&complaint, "front");
    cr_assert_eq(strlen(complaint.text), sizeof complaint.text - 1);
    cr_assert_eq(strncmp(complaint.text, "front: 000", 10), 0);
    complaint_set(&complaint, "x");
    complaint_prefix(&complaint, "%0600d", 1);
    cr_assert_eq(strlen(complaint.text), sizeof complaint.text - 1, "the prefix alone fills it");
}

Test(status, a_failed_check_stops_the_process, .signal = SIGABRT)
{
    volatile int one = 1;
    check(one == 1);
    check(one == 2);
}
