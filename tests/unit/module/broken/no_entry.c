/* SPDX-License-Identifier: MIT */

/* A shared object, but not a module. */
int some_function(void);

int some_function(void)
{
    return 1;
}
