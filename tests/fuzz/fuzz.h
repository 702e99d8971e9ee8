/* A fuzz target defines LLVMFuzzerTestOneInput. libFuzzer calls it, or replay.c with the files of a
 * folder. */
#ifndef MMOE_TESTS_FUZZ_H
#define MMOE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
