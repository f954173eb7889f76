/* SPDX-License-Identifier: MIT */

/* terminal.c - termios, winsize, signalfd.
 *
 * Idea     Signals are blocked and read from a descriptor, so there is no handler and nothing global: Ctrl-C during a
 *          wait is one more thing that poll reports. */
#include "cli/terminal/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define PASTE_ON  "\x1b[?2004h"
#define PASTE_OFF "\x1b[?2004l"

enum status terminal_init(struct terminal *terminal)
{
    const char *kind = getenv("TERM");
    bool dumb = kind == NULL || *kind == '\0' || strcmp(kind, "dumb") == 0;
    if (dumb || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &terminal->original) != 0) {
        return STATUS_REFUSED;
    }
    sigset_t stop;
    sigset_t size;
    sigemptyset(&stop);
    sigemptyset(&size);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    sigaddset(&size, SIGWINCH);
    terminal->stop_fd = signalfd(-1, &stop, SFD_NONBLOCK | SFD_CLOEXEC);
    terminal->size_fd = signalfd(-1, &size, SFD_NONBLOCK | SFD_CLOEXEC);
    if (terminal->stop_fd < 0 || terminal->size_fd < 0) {
        return STATUS_REFUSED;
    }
    sigprocmask(SIG_BLOCK, &stop, &terminal->old_mask);
    sigprocmask(SIG_BLOCK, &size, NULL);
    return STATUS_OK;
}

void terminal_finish(struct terminal *terminal)
{
    terminal_restore(terminal);
    close(terminal->stop_fd);
    close(terminal->size_fd);
    sigprocmask(SIG_SETMASK, &terminal->old_mask, NULL);
}

void terminal_write(struct gm_bytes bytes)
{
    size_t sent = 0;
    while (sent < bytes.size) {
        ssize_t size = write(STDOUT_FILENO, bytes.data + sent, bytes.size - sent);
        if (size < 0 && errno == EAGAIN) {
            struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
            (void)poll(&out, 1, 1000);
        } else if (size < 0 && errno != EINTR) {
            return;
        }
        sent += size > 0 ? (size_t)size : 0;
    }
}

static void set_mode(const struct terminal *terminal, bool edit)
{
    struct termios mode = terminal->original;
    mode.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | IXON | ISTRIP);
    mode.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN);
    if (edit) {
        mode.c_lflag &= ~(tcflag_t)ISIG;
    }
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &mode);
}

void terminal_edit(const struct terminal *terminal)
{
    set_mode(terminal, true);
    terminal_write(BYTES(PASTE_ON));
}

void terminal_wait(const struct terminal *terminal)
{
    terminal_write(BYTES(PASTE_OFF));
    set_mode(terminal, false);
}

void terminal_restore(const struct terminal *terminal)
{
    terminal_write(BYTES(PASTE_OFF));
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->original);
}

void terminal_suspend(const struct terminal *terminal)
{
    terminal_restore(terminal);
    (void)kill(0, SIGTSTP);
}

void terminal_size(size_t *columns, size_t *rows)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    *columns = known ? size.ws_col : 80;
    *rows = known ? size.ws_row : 24;
}

int terminal_signal(int signal_fd)
{
    struct signalfd_siginfo info;
    return read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

bool terminal_utf8(void)
{
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0) {
        return true;
    }
    const char *names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0') {
            return false; /* somebody chose another one */
        }
    }
    return setlocale(LC_CTYPE, "C.UTF-8") != NULL; /* nothing is set, as in a container: terminals are UTF-8 today */
}
