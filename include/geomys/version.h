/* SPDX-License-Identifier: MIT */

/* geomys/version.h - which module ABI this is, and its diary.
 *
 * Rules   R1  The major number must be equal on both sides; anything else is refused at load with a sentence.
 *         R2  Below 1.0 the minor number must be equal too. From 1.0 on, a module built against minor n loads into a
 *             host whose minor is n or more.
 *         R3  Structs only grow at their end. One that a module fills in begins with its size: a tail that it does not
 *             have reads as zero; a size beyond what the host knows is refused, since a module of a later minor does
 *             not load. Of what the host fills in, arrays have a stride (gm_key, gm_arg), tables of functions their
 *             size. What lies inside another struct (gm_bytes, gm_cell) stays as it is.
 *         R4  Four numbers never mix: the ABI (here), the module's own version, a type's encoding (the number in
 *             its id, "acme.set/1"), and the meaning of a command (an incompatible meaning gets another name).
 *         R5  A flag that the host does not know is refused, never ignored; so is a reserved field that is not zero.
 *
 * Before the first release of Geomys the ABI is 0.x: it may change with any commit. A module of another minor is
 * refused with a sentence; what its author has to change stands here.
 *
 * Diary   0.2  gm_emission begins with its size: write &GM_EMISSION(.op = 1, ...) for &(struct gm_emission){.op = 1,
 *              ...}. It has a type, an event, and further parts of the body.
 *              gm_key(call, i) and gm_arg(call, n) for &call->keys[i] and &call->args[n].
 *              gm_command has an event: what listeners hear where it is not the command's name. gm_type has flags.
 *              gm_command has a group and a text for words that do not fit, and a flag GM_ADMIN. Options at the end
 *              of a usage line may be given again: the last one counts.
 *              A change of an rkey is refused, and a record without GM_FRESH for another type's value.
 *              gm_scratch gives all that is asked for or NULL; gm_scratch_raw is not zeroed. gm_alloc and gm_realloc
 *              are NULL above GM_ALLOC_MAX. gm_afford asks for memory before it is needed.
 *              gm_alloc_counted and its like keep the sum of gm_held.
 *              Helpers: codec.h, number.h, glob.h, hash.h, gm_random_below. All headers are C++, too.
 *              A type's id begins with its module's vendor; a GM_WRITE command has a key that is no rkey. The names
 *              "call/1" and "observe/1" are reserved. gm_bytes_at and gm_bytes_between for literals of gm_bytes.
 *              gm_type has free_some: a large value is released in parts.
 *              gm_command has reach: how large a number among its words makes a value.
 *              gm_sink is a table of functions: gm_dump(sink, op, body) for sink->record(sink, op, body). A body may
 *              have parts (gm_dump_parts), and dump is lent memory (gm_dump_scratch). dump's cursor strictly grows.
 *              gm_type has digest: then dump need not be canonical.
 *              Usage lines have the types score and bound, "key... id{key}", tokens with dots and stars, and options
 *              behind a repeated argument. gm_int_at and gm_number_at give each number of a repeated argument.
 *              gm_outcome in apply, and gm_command.answer, which replies with it. gm_first marks repeated arguments.
 *              gm_reply_begin and gm_reply_end, gm_reply_error_element, gm_protocol.
 *              gm_module has settings, which plans read: gm_setting_int, gm_setting_number.
 *              The secret of the data set: gm_secret, gm_call_secret, gm_dump_secret, gm_hash_key_of.
 *              Usage lines have the types key-any, rkey-any and rkey-elements. gm_type has elements and from_elements,
 *              which gm_walk and gm_emit_elements use for commands of other types. gm_key_add reads one more key.
 *              gm_type has a revision, and the operations that came later than its first; succeeds, and a layout.
 *              "wait/2" for "wait/1": wait(call, timeout_ms, keep), where {0} keeps nothing, and kept(call).
 *              gm_type has due and plan_due: what changes in a value by itself, at a time.
 *              A module's file has its descriptor as a text, in the section .geomys.module.
 *         0.1  first version
 */
#ifndef GEOMYS_VERSION_H
#define GEOMYS_VERSION_H

#define GM_ABI_MAJOR 0
#define GM_ABI_MINOR 2

#endif
