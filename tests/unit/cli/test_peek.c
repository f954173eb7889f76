/* SPDX-License-Identifier: MIT */

/* test_peek.c - the view of one key, and the choice of a pager. */
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

#include "cli/show/pager.h"
#include "cli/show/peek.h"

Test(peek, is_laid_out_in_both_protocols)
{
    static const char *const replies[] = {
        "%7\r\n+type\r\n+list\r\n+id\r\n+x/1\r\n+module\r\n+m\r\n+state\r\n+alive\r\n+expiry\r\n_\r\n"
        "+memory\r\n:117\r\n+value\r\n*1\r\n$2\r\n\x1b[\r\n",
        "*14\r\n+type\r\n+list\r\n+id\r\n+x/1\r\n+module\r\n+m\r\n+state\r\n+alive\r\n+expiry\r\n$-1\r\n"
        "+memory\r\n:117\r\n+value\r\n*1\r\n$2\r\n\x1b[\r\n",
    };
    for (size_t i = 0; i < 2; i++) {
        struct answer reply = answer_from_text(replies[i]);
        struct gm_bytes call[] = {BYTES("Peek"), BYTES("k")};
        char text[400] = "";
        FILE *file = fmemopen(text, sizeof text, "w");
        cr_assert(peek_is(call, 2, &reply));
        peek_write(file, &reply, true);
        fclose(file);
        cr_expect_str_eq(text, "list  x/1, module m, alive\nexpiry    never\nmemory    117 bytes\n\n1) \"\\x1b[\"\n");
        call[0] = BYTES("get");
        cr_expect_not(peek_is(call, 2, &reply));
        answer_finish(&reply);
    }
    struct answer other = answer_from_text("%1\r\n+type\r\n:1\r\n");
    cr_expect_not(peek_is((struct gm_bytes[]){BYTES("peek"), BYTES("k")}, 2, &other));
    answer_finish(&other);
}

Test(pager, is_the_chosen_one_or_less)
{
    char out[32];
    cr_expect(pager_command("more -x", "/nowhere", out, sizeof out));
    cr_expect_str_eq(out, "more -x");
    cr_expect_not(pager_command(NULL, "/nowhere:/nowhere2", out, sizeof out));
    cr_expect_not(pager_command("", NULL, out, sizeof out));
    cr_expect_not(pager_command("a pager with a name that is too long for it", "", out, sizeof out));
    char folder[] = "/tmp/geomys-pager-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    char path[80];
    char file[80];
    snprintf(path, sizeof path, "/nowhere:%s", folder);
    snprintf(file, sizeof file, "%s/less", folder);
    fclose(fopen(file, "w"));
    cr_expect_not(pager_command(NULL, path, out, sizeof out), "it cannot be run");
    cr_assert_eq(chmod(file, 0700), 0);
    cr_expect(pager_command(NULL, path, out, sizeof out));
    cr_expect_str_eq(out, "less -R");
    unlink(file);
    rmdir(folder);
}
