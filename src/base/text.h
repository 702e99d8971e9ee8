/* Numbers to and from text, whatever the process's locale. */
#ifndef MMOE_BASE_TEXT_H
#define MMOE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole of text[0 .. length) as a decimal number, blanks (spaces and tabs) around it allowed;
 * false when it is not one or does not fit. The text needs no terminator. Integers: [+-]digits. */
bool mmoe_parse_int64(const char *text, size_t length, int64_t *out);
/* An integer as pandas writes it in a column with missing values, too: "5.0", and as R writes a
 * large one: "1e+05". Returns 1; 0 when the text is none; -1 when it is one that 64 bits do not
 * hold. *out is written with 1 only. */
int mmoe_parse_integral(const char *text, size_t length, int64_t *out);
/* True when the text is what the integer prints as, alone or with blanks around it or ".0" behind
 * it, or as R writes it: "7", " 7", "7.0", "1e+05", but not "007", "+7", "-0". */
bool mmoe_parse_printed(const char *text, size_t length, int64_t *out);
/* Correctly rounded. "inf", "nan" and overflow are parsed (the caller judges); hexadecimal is not.
 */
bool mmoe_parse_double(const char *text, size_t length, double *out);

/* The shortest text that reads back as the same value ("0.1", "1e-05", "nan", "inf"), terminated.
 * Returns its length. */
enum { MMOE_NUMBER_SIZE = 40 };
size_t mmoe_format_double(double value, char out[MMOE_NUMBER_SIZE]);
size_t mmoe_format_float(float value, char out[MMOE_NUMBER_SIZE]);
size_t mmoe_format_integer(int64_t value, char out[MMOE_NUMBER_SIZE]);
/* An integer with a comma between thousands, "30,000", terminated. Returns its length. */
size_t mmoe_format_count(int64_t count, char out[MMOE_NUMBER_SIZE]);
/* Why a float cannot have this value: "is not finite"; NULL: it can. */
const char *mmoe_number_fault(double value);

#endif
