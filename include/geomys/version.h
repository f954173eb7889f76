/* SPDX-License-Identifier: MIT */

/* geomys/version.h - which module ABI this is, and its diary.
 *
 * Rules   R1  The major number must be equal on both sides; anything else is refused at load with a sentence.
 *         R2  A module built against minor n loads into a host whose minor is n or more.
 *         R3  Within one major, structs only grow at their end and begin with their size where a module fills
 *             them in; a tail that an older module does not have reads as zero.
 *         R4  Four numbers never mix: the ABI (here), the module's own version, a type's encoding (the number in
 *             its id, "acme.set/1"), and the meaning of a command (an incompatible meaning gets another name).
 *
 * Before the first release of Geomys the ABI is 0.x: it may change with any commit.
 *
 * Diary   0.1  first version
 */
#ifndef GEOMYS_VERSION_H
#define GEOMYS_VERSION_H

#define GM_ABI_MAJOR 0
#define GM_ABI_MINOR 1

#endif
