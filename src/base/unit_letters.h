/* Letters beside digits: of a number, or of a unit behind one. */
#ifndef MMOE_BASE_UNIT_LETTERS_H
#define MMOE_BASE_UNIT_LETTERS_H

/* Those that numbers have, as 1e5, 0x1F, nan and inf ... */
#define MMOE_LETTERS_OF_NUMBERS "eExXnaifNAIF"
/* ... and those that do not tell a unit from one: a unit has another, too. */
#define MMOE_LETTERS_NOT_OF_UNITS "aAbBcCdDeEfFpPxX"

#endif
