/* SPDX-License-Identifier: MIT */

/* test_options.c - the command line. */
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

#include "cli/options/options_read.h"

static char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static char *with_password(const char *name)
{
    static char password[] = "from-env";
    return strcmp(name, "REDISCLI_AUTH") == 0 ? password : NULL;
}

/* Splits `line` at blanks, in place, after a program's name. */
static int split(char *line, char *argv[24])
{
    static char program[] = "geomys-cli";
    int argc = 0;
    argv[argc++] = program;
    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    return argc;
}

static enum status read_line(struct options *options, char *line, char *(*get)(const char *), char *argv[24])
{
    struct complaint complaint = {""};
    enum status status = options_read(options, split(line, argv), argv, get, &complaint);
    cr_expect_eq(status == STATUS_OK, complaint.text[0] == '\0', "%s", complaint.text);
    return status;
}

Test(options, everything_has_a_default)
{
    struct options options;
    char *argv[24];
    char line[] = "SET a -1";
    cr_assert_eq(read_line(&options, line, no_environment, argv), STATUS_OK);
    cr_expect_str_eq(options.wish.address.host, "127.0.0.1");
    cr_expect_str_eq(options.wish.address.port, "6379");
    cr_expect_null(options.wish.password);
    cr_expect_eq(options.first, 1, "what follows the command is the command's");
    cr_expect(options.validate);
    options_finish(&options);
}

Test(options, flags_are_those_of_redis_cli)
{
    struct options options;
    char *argv[24];
    char line[] = "-h example.org -p 7000 -a hidden --user me -n 0 -3 --json -r -1 -i 0.5 GET";
    cr_assert_eq(read_line(&options, line, no_environment, argv), STATUS_OK);
    cr_expect_str_eq(options.wish.address.host, "example.org");
    cr_expect_str_eq(options.wish.address.port, "7000");
    cr_expect_str_eq(options.wish.password, "hidden");
    cr_expect_str_eq(argv[6], "******", "not for other users' eyes");
    cr_expect_str_eq(options.wish.user, "me");
    cr_expect(options.unsafe_password);
    cr_expect(options.wish.protocol == 3 && options.wish.protocol_needed);
    cr_expect_eq(options.format, OUTPUT_JSON);
    cr_expect_eq(options.repeat, -1);
    cr_expect_float_eq(options.interval_s, 0.5, 1e-9);
    options_finish(&options);
    char joined[] = "--output=csv --no-auth-warning -a x --yes --no-validate -- -strange";
    cr_assert_eq(read_line(&options, joined, no_environment, argv), STATUS_OK);
    cr_expect_eq(options.format, OUTPUT_CSV);
    cr_expect_not(options.unsafe_password);
    cr_expect_not(options.validate);
    cr_expect_not(options.confirm);
    cr_expect_str_eq(argv[options.first], "-strange");
    options_finish(&options);
    char none[] = "PING";
    cr_assert_eq(read_line(&options, none, with_password, argv), STATUS_OK);
    cr_expect_str_eq(options.wish.password, "from-env");
    cr_expect_not(options.unsafe_password);
    options_finish(&options);
}

Test(options, what_makes_no_sense_is_refused)
{
    static const char *const lines[] = {"--nosuch",
                                        "-p",
                                        "-p 0",
                                        "-p 65536",
                                        "-p x",
                                        "-r x",
                                        "-i -1",
                                        "--output xml",
                                        "-n x",
                                        "-t 0",
                                        "-u http://a",
                                        "-u redis://a:b:c",
                                        "-u redis://a/x",
                                        "-u redis://a?x=1",
                                        "-u redis://a%zz@h",
                                        "-u unix://relative",
                                        "-u redis://[::1",
                                        "--reply-limit 5",
                                        "--stat --latency",
                                        "--stat PING",
                                        "--watch 1s",
                                        "--watch 1x PING",
                                        "--keys --by size",
                                        "--keys --top 0",
                                        "--keys --top 10001",
                                        "--resume x PING",
                                        "--latency --duration 0",
                                        "-u redis://:%00@h"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct options options;
        char *argv[24];
        char line[64];
        snprintf(line, sizeof line, "%s", lines[i]);
        cr_expect_eq(read_line(&options, line, no_environment, argv), STATUS_INVALID, "%s", lines[i]);
        options_finish(&options);
    }
}

Test(options, a_uri_says_it_all)
{
    static const struct {
        const char *uri;
        const char *user;
        const char *password;
        const char *host;
        const char *port;
        int database;
    } cases[] = {
        {"redis://h", NULL, NULL, "h", "6379", 0},          {"geomys://h:1/2", NULL, NULL, "h", "1", 2},
        {"redis://p%40ss@h", NULL, "p@ss", "h", "6379", 0}, {"redis://:p@h:1", NULL, "p", "h", "1", 0},
        {"redis://u:p:q@h", "u", "p:q", "h", "6379", 0},    {"redis://[::1]:7/0", NULL, NULL, "::1", "7", 0},
        {"redis://", NULL, NULL, "127.0.0.1", "6379", 0},   {"redis://u:@h", "u", "", "h", "6379", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options options;
        char *argv[24];
        char line[64];
        snprintf(line, sizeof line, "-u %s", cases[i].uri);
        cr_assert_eq(read_line(&options, line, no_environment, argv), STATUS_OK, "%s", cases[i].uri);
        cr_expect_str_eq(options.wish.address.host, cases[i].host, "%s", cases[i].uri);
        cr_expect_str_eq(options.wish.address.port, cases[i].port, "%s", cases[i].uri);
        cr_expect_eq(options.wish.database, cases[i].database);
        cr_expect((cases[i].user == NULL) == (options.wish.user == NULL), "%s", cases[i].uri);
        cr_expect((cases[i].password == NULL) == (options.wish.password == NULL), "%s", cases[i].uri);
        if (cases[i].user != NULL) {
            cr_expect_str_eq(options.wish.user, cases[i].user);
        }
        if (cases[i].password != NULL) {
            cr_expect_str_eq(options.wish.password, cases[i].password);
            cr_expect_eq(argv[2][0], '*');
        }
        options_finish(&options);
    }
}

static char home[] = "/tmp/geomys-options-XXXXXX";

static char *with_home(const char *name)
{
    return strcmp(name, "HOME") == 0 ? home : NULL;
}

static void remove_home(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/.geomys/cli.conf", home);
    cr_expect_eq(unlink(path), 0);
    snprintf(path, sizeof path, "%s/.geomys", home);
    cr_expect_eq(rmdir(path), 0);
    cr_expect_eq(rmdir(home), 0);
}

Test(options, the_command_line_wins_over_a_saved_connection, .fini = remove_home)
{
    char path[64];
    cr_assert_not_null(mkdtemp(home));
    snprintf(path, sizeof path, "%s/.geomys", home);
    cr_assert_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/.geomys/cli.conf", home);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("[s]\nsocket = /tmp/s\nprotocol = 2\n[h]\nhost = h\nport = 7\nuri = redis://u:p@x\n", file);
    fclose(file);
    cr_assert_eq(chmod(path, 0600), 0);
    static const struct {
        const char *line;
        const char *path;
        const char *host;
        const char *port;
    } cases[] = {{"-c s PING", "/tmp/s", "127.0.0.1", "6379"},
                 {"-p 9 -c s PING", NULL, "127.0.0.1", "9"},
                 {"-c s -s /t PING", "/t", "127.0.0.1", "6379"},
                 {"--connection=h -h y PING", NULL, "y", "7"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options options;
        char *argv[24];
        char line[64];
        snprintf(line, sizeof line, "%s", cases[i].line);
        cr_assert_eq(read_line(&options, line, with_home, argv), STATUS_OK, "%s", cases[i].line);
        cr_expect_eq(options.wish.address.path == NULL, cases[i].path == NULL, "%s", cases[i].line);
        if (cases[i].path != NULL && options.wish.address.path != NULL) {
            cr_expect_str_eq(options.wish.address.path, cases[i].path);
        }
        cr_expect_str_eq(options.wish.address.host, cases[i].host);
        cr_expect_str_eq(options.wish.address.port, cases[i].port);
        cr_expect_not(options.unsafe_password, "it does not stand on the command line");
        options_finish(&options);
    }
}
