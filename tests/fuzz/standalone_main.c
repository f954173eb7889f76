/* SPDX-License-Identifier: MIT */

/* standalone_main.c - replays inputs through a fuzz target, for builds without libFuzzer.
 *
 * Why      A crash found by the fuzzer becomes a file in the corpus; gcc's builds, debuggers and other sanitizers must
 *          be able to run that file through the same function.
 *
 * Each argument is a file, or a folder whose files are replayed (not those of folders in it). Prints how many inputs
 * ran. Exit code 1 if one could not be read, or if there was none: an empty run proves nothing.
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_SIZE_MAX ((size_t)16 << 20) /* bytes; what is longer is cut */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

struct tally {
    unsigned replayed;
    unsigned failed;
};

static void replay_file(const char *path, struct tally *tally)
{
    FILE *file = fopen(path, "rb");
    uint8_t *input = malloc(INPUT_SIZE_MAX);
    if (file == NULL || input == NULL) {
        perror(path);
        tally->failed++;
    } else {
        size_t size = fread(input, 1, INPUT_SIZE_MAX, file);
        /* An allocation of the exact size, so that a sanitizer sees a read behind the end. */
        uint8_t *exact = malloc(size > 0 ? size : 1);
        if (exact != NULL) {
            memcpy(exact, input, size);
            (void)LLVMFuzzerTestOneInput(exact, size);
            tally->replayed++;
        }
        free(exact);
    }
    free(input);
    if (file != NULL) {
        (void)fclose(file);
    }
}

static void replay_folder(const char *path, struct tally *tally)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        perror(path);
        tally->failed++;
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char name[PATH_MAX];
        struct stat info;
        int size = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (size > 0 && (size_t)size < sizeof name && stat(name, &info) == 0 && S_ISREG(info.st_mode)) {
            replay_file(name, tally);
        }
    }
    (void)closedir(folder);
}

int main(int argc, char **argv)
{
    struct tally tally = {0};
    if (LLVMFuzzerInitialize != NULL) {
        (void)LLVMFuzzerInitialize(&argc, &argv);
    }
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode)) {
            replay_folder(argv[i], &tally);
        } else {
            replay_file(argv[i], &tally);
        }
    }
    (void)printf("%u inputs replayed\n", tally.replayed);
    return tally.failed == 0 && tally.replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
