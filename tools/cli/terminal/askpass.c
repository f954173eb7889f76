/* SPDX-License-Identifier: MIT */

/* askpass.c - a question without an echo.
 *
 * Idea     The terminal keeps its modes when a program dies, so signals that would end this one wait, blocked, until
 *          the echo is back, and end it then. They are seen through a descriptor that is never read.
 *
 * Promises A1  The echo is off before the question stands there: what is typed after it is never shown. */
#include "cli/terminal/askpass.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

static void put(int terminal, const char *text)
{
    ssize_t written = write(terminal, text, strlen(text));
    (void)written; /* a terminal that is gone is noticed when reading */
}

/* Reads a line, without its end, as the terminal gives it: whole. False: stopped, ended, or too long. */
static bool read_line(int terminal, int stop_fd, char *password, size_t size)
{
    size_t used = 0;
    for (;;) {
        struct pollfd fds[2] = {{.fd = terminal, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            return false;
        }
        if (fds[1].revents != 0) {
            return false;
        }
        if (fds[0].revents == 0) {
            continue;
        }
        ssize_t got = read(terminal, password + used, size - used);
        if (got <= 0) {
            return false;
        }
        used += (size_t)got;
        char *end = memchr(password, '\n', used);
        if (end != NULL) {
            *end = '\0';
            return true;
        }
        if (used == size) {
            return false;
        }
    }
}

static bool ask(int terminal, int stop_fd, char *password, size_t size)
{
    struct termios original;
    if (tcgetattr(terminal, &original) != 0) {
        return false;
    }
    struct termios quiet = original;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(terminal, TCSAFLUSH, &quiet);
    put(terminal, "Password: ");
    bool got = read_line(terminal, stop_fd, password, size);
    (void)tcsetattr(terminal, TCSAFLUSH, &original);
    put(terminal, "\n");
    return got;
}

bool askpass(char *password, size_t size)
{
    sigset_t stop;
    sigset_t old_mask;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGQUIT);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0) {
        return false;
    }
    sigprocmask(SIG_BLOCK, &stop, &old_mask);
    int stop_fd = signalfd(-1, &stop, SFD_NONBLOCK | SFD_CLOEXEC);
    bool got = stop_fd >= 0 && ask(terminal, stop_fd, password, size);
    if (!got) {
        explicit_bzero(password, size);
    }
    if (stop_fd >= 0) {
        close(stop_fd);
    }
    close(terminal);
    sigprocmask(SIG_SETMASK, &old_mask, NULL); /* a signal that has come ends the program here */
    return got;
}
