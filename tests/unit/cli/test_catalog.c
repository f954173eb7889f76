/* SPDX-License-Identifier: MIT */

/* test_catalog.c - what the server declares becomes hints, candidates, help and discretion. */
#include "support.h"

#include "cli/interactive/complete.h"
#include "cli/interactive/secret.h"
#include "cli/show/help.h"

static const struct complete_verb verbs[] = {{"HELP", "[command]", true}, {"EXIT", "", false}, {NULL, NULL, false}};

static void expect_hint(const struct catalog *catalog, const char *line, const char *expected)
{
    struct buf out;
    buf_init(&out, 4096);
    complete_hint(catalog, verbs, gm_bytes_of(line), &out);
    buf_append(&out, BYTES("\0"));
    cr_expect_str_eq((const char *)out.data, expected, "after '%s': '%s'", line, (const char *)out.data);
    buf_finish(&out);
}

/* `expected`: the candidates, each followed by a blank. */
static void expect_words(const struct catalog *catalog, const char *line, size_t start, const char *expected)
{
    struct completions *found = calloc(1, sizeof *found);
    struct buf out;
    buf_init(&out, 65536);
    complete_words(catalog, verbs, gm_bytes_of(line), found);
    for (size_t i = 0; i < found->count; i++) {
        buf_format(&out, "%s ", found->texts[i]);
    }
    buf_append(&out, BYTES("\0"));
    cr_expect_str_eq((const char *)out.data, expected, "after '%s': '%s'", line, (const char *)out.data);
    cr_expect(found->count == 0 || found->start == start, "after '%s': %zu", line, found->start);
    buf_finish(&out);
    free(found);
}

Test(catalog, names_are_found_whole)
{
    struct catalog catalog;
    test_catalog(&catalog);
    cr_expect_eq(catalog.count, 11, "a name with a control is left out");
    cr_expect(catalog.exact);
    size_t words;
    struct gm_bytes argv[] = {BYTES("Client"), BYTES("setName"), BYTES("x")};
    cr_expect_str_eq(catalog_find(&catalog, argv, 3, &words)->name, "CLIENT SETNAME");
    cr_expect_eq(words, 2);
    cr_expect_null(catalog_find(&catalog, argv, 1, &words));
    struct gm_bytes get[] = {BYTES("get"), BYTES("with a blank"), BYTES("x")};
    cr_expect_str_eq(catalog_find(&catalog, get, 3, &words)->name, "GET");
    cr_expect_eq(words, 1);
    struct gm_bytes command[] = {BYTES("COMMAND"), BYTES("COUNT")};
    cr_expect_str_eq(catalog_find(&catalog, command, 2, &words)->name, "COMMAND");
    struct gm_bytes blank[] = {BYTES("CLIENT ID"), BYTES("")};
    cr_expect_null(catalog_find(&catalog, blank, 2, &words), "a blank inside a word does not make two");
    cr_expect(catalog_named(&catalog, BYTES("flushall"))->dangerous);
    cr_expect_not(catalog_named(&catalog, BYTES("odd"))->parsed);
    cr_expect_not_null(catalog_named(&catalog, BYTES("client|id")));
    cr_expect_str_eq(catalog_nearest(&catalog, BYTES("gte")), "GET");
    cr_expect_str_eq(catalog_nearest(&catalog, BYTES("flushal")), "FLUSHALL");
    cr_expect_null(catalog_nearest(&catalog, BYTES("something")));
    catalog_finish(&catalog);
}

Test(catalog, replies_that_are_no_catalog_are_refused)
{
    static const char *const cases[] = {"-ERR no\r\n",
                                        "*0\r\n",
                                        "*1\r\n+a\r\n",
                                        ":1\r\n",
                                        "%1\r\n:1\r\n:2\r\n",
                                        "%1\r\n$3\r\na\nb\r\n%0\r\n",
                                        "%1\r\n$1\r\n|\r\n%0\r\n"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct catalog catalog = {0};
        struct answer reply = answer_from_text(cases[i]);
        cr_expect_not(catalog_from_usage(&catalog, &reply), "%s", cases[i]); /* catalog C1 */
        cr_expect_not(catalog_from_docs(&catalog, &reply), "%s", cases[i]);
        answer_finish(&reply);
        catalog_finish(&catalog);
    }
    struct catalog catalog = {0};
    struct answer strange = answer_from_text("*4\r\n+get\r\n*4\r\n+usage\r\n:5\r\n+flags\r\n+x\r\n+ping\r\n_\r\n");
    cr_expect(catalog_from_usage(&catalog, &strange), "what is missing is missing, the names are there");
    cr_expect_eq(catalog.count, 2); /* catalog C2 */
    catalog_finish(&catalog);
    struct answer foreign = answer_from_text("%1\r\n+get\r\n%1\r\n+usage\r\n+SET key value\r\n");
    cr_expect(catalog_from_usage(&catalog, &foreign));
    cr_expect_not(catalog.commands[0].parsed, "a usage line about another command is not believed");
    catalog_finish(&catalog);
}

Test(catalog, hints_show_the_rest)
{
    struct catalog catalog;
    test_catalog(&catalog);
    expect_hint(&catalog, "", "");
    expect_hint(&catalog, "   ", "");
    expect_hint(&catalog, "get", " key");
    expect_hint(&catalog, "get ", "key");
    expect_hint(&catalog, "get k", "");
    expect_hint(&catalog, "get k ", "");
    expect_hint(&catalog, "SETE", "X key seconds value");
    expect_hint(&catalog, "sete", "x key seconds value");
    expect_hint(&catalog, "set k v ", "[NX|XX] [GET] [EX seconds|PX milliseconds|KEEPTTL]");
    expect_hint(&catalog, "set k \"v w\" get ex ", "seconds [NX|XX]");
    expect_hint(&catalog, "client ", "getname|id|setname");
    expect_hint(&catalog, "CLIENT SETN", "AME connection-name");
    expect_hint(&catalog, "client setname", " connection-name");
    expect_hint(&catalog, "command docs ", "[command...]");
    expect_hint(&catalog, "command docs get ", "[command...]");
    expect_hint(&catalog, "help", " [command]");
    expect_hint(&catalog, "odd ", "[");
    expect_hint(&catalog, "nothing of that kind ", "");
    expect_hint(&catalog, "set k v nosuch ", "");
    catalog_finish(&catalog);
}

Test(catalog, a_server_without_a_catalog_gives_no_hints)
{
    struct catalog catalog = {0};
    expect_hint(&catalog, "get ", "");
    expect_hint(&catalog, "help ", "[command]");
    expect_words(&catalog, "h", 0, "help ");
    cr_expect_null(catalog_nearest(&catalog, BYTES("get")));
    catalog_finish(&catalog);
}

Test(catalog, tab_offers_names_and_tokens)
{
    struct catalog catalog;
    test_catalog(&catalog);
    expect_words(&catalog, "se", 0, "set setex ");
    expect_words(&catalog, "SE", 0, "SET SETEX ");
    expect_words(&catalog, "  ge", 2, "get ");
    expect_words(&catalog, "client ", 7, "getname id setname ");
    expect_words(&catalog, "client S", 7, "SETNAME ");
    expect_words(&catalog, "set k v ", 8, "nx xx get ex px keepttl ");
    expect_words(&catalog, "SET k v K", 8, "KEEPTTL ");
    expect_words(&catalog, "set k v nx ", 11, "get ex px keepttl ");
    expect_words(&catalog, "set k v ex ", 11, "");
    expect_words(&catalog, "set k \"v", 0, "");
    expect_words(&catalog, "set k v \"k\"", 0, "");
    expect_words(&catalog, "he", 0, "help ");
    expect_words(&catalog, "help cl", 5, "client ");
    expect_words(&catalog, "help client i", 12, "id ");
    expect_words(&catalog, "", 0, "CLIENT COMMAND FLUSHALL GET ODD SET SETEX VAULT.OPEN HELP EXIT ");
    expect_words(&catalog, "zzz ", 0, "");
    catalog_finish(&catalog);
}

static void expect_secret(const struct catalog *catalog, const char *line, bool expected)
{
    cr_expect_eq(secret_line(catalog, gm_bytes_of(line)), expected, "%s", line);
}

Test(catalog, passwords_are_noticed)
{
    struct catalog catalog;
    test_catalog(&catalog);
    expect_secret(&catalog, "auth x", true);
    expect_secret(&catalog, "  AUTH \"x", true);
    expect_secret(&catalog, "hello 3 auth u p", true);
    expect_secret(&catalog, "hello 3", false);
    expect_secret(&catalog, "config set requirepass x", true);
    expect_secret(&catalog, "config set maxmemory 1 masterauth x", true);
    expect_secret(&catalog, "config set maxmemory 1", false);
    expect_secret(&catalog, "config get requirepass", false);
    expect_secret(&catalog, "acl setuser a >b", true);
    expect_secret(&catalog, "vault.open v with word", true);
    expect_secret(&catalog, "vault.open v with word and more", true);
    expect_secret(&catalog, "vault.open v", false);
    expect_secret(&catalog, "set auth 1", false);
    expect_secret(&catalog, "", false);
    catalog_finish(&catalog);
}

Test(catalog, help_comes_from_the_server)
{
    struct catalog catalog;
    test_catalog(&catalog);
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    help_all(file, &catalog, 40);
    struct gm_bytes set[] = {BYTES("set")};
    struct gm_bytes client[] = {BYTES("client")};
    struct gm_bytes id[] = {BYTES("client"), BYTES("id")};
    struct gm_bytes none[] = {BYTES("client"), BYTES("nosuch")};
    cr_expect(help_command(file, &catalog, set, 1));
    cr_expect(help_command(file, &catalog, client, 1));
    cr_expect(help_command(file, &catalog, id, 2));
    cr_expect_not(help_command(file, &catalog, none, 2));
    fclose(file);
    cr_expect_not_null(strstr(text, "string\n  CLIENT COMMAND FLUSHALL GET ODD SET\n  SETEX VAULT.OPEN\n"), "%s", text);
    cr_expect_not_null(strstr(text, "\nSET key value [NX|XX] [GET] [EX seconds|PX milliseconds|KEEPTTL]\n"), "%s",
                       text);
    cr_expect_not_null(strstr(text, "  complexity  O(1)\n"));
    cr_expect_not_null(strstr(text, "  example     GET key\n"));
    cr_expect_not_null(strstr(text, "\nCLIENT SETNAME connection-name\n"));
    cr_expect_null(strchr(text, 27), "the server's text cannot control the terminal");
    free(text);
    catalog_finish(&catalog);
}

Test(catalog, another_server_has_argument_trees)
{
    static const char docs[] =
        "%2\r\n+set\r\n%3\r\n+summary\r\n+Sets.\r\n+group\r\n+string\r\n+arguments\r\n*5\r\n"
        "%2\r\n+name\r\n+key\r\n+type\r\n+key\r\n"
        "*4\r\n+name\r\n+value\r\n+type\r\n+string\r\n"
        "%4\r\n+name\r\n+condition\r\n+type\r\n+oneof\r\n+flags\r\n*1\r\n+optional\r\n+arguments\r\n*2\r\n"
        "%3\r\n+name\r\n+nx\r\n+type\r\n+pure-token\r\n+token\r\n+NX\r\n"
        "%3\r\n+name\r\n+xx\r\n+type\r\n+pure-token\r\n+token\r\n+XX\r\n"
        "%4\r\n+name\r\n+seconds\r\n+type\r\n+integer\r\n+token\r\n+EX\r\n+flags\r\n~1\r\n+optional\r\n"
        "%4\r\n+name\r\n+more\r\n+type\r\n+block\r\n+flags\r\n~2\r\n+optional\r\n+multiple\r\n+arguments\r\n*2\r\n"
        "%2\r\n+name\r\n+field\r\n+type\r\n+string\r\n%2\r\n+name\r\n+value2\r\n+type\r\n+string\r\n"
        "+client\r\n%1\r\n+subcommands\r\n%1\r\n+client|id\r\n%1\r\n+summary\r\n+Tells.\r\n";
    struct catalog catalog = {0};
    struct answer reply = answer_from_text(docs);
    cr_assert(catalog_from_docs(&catalog, &reply));
    cr_expect_not(catalog.exact);
    cr_assert_eq(catalog.count, 3);
    const struct catalog_command *set = catalog_named(&catalog, BYTES("set"));
    cr_expect(gm_bytes_equal(set->usage, BYTES("SET key value [NX|XX] [EX seconds] [{field value2}...]")), "%.*s",
              (int)set->usage.size, (const char *)set->usage.data);
    cr_expect_not_null(catalog_named(&catalog, BYTES("CLIENT ID")));
    catalog_finish(&catalog);
}
