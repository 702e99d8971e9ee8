#!/bin/sh
# shown.sh PAGE SOURCE: a fenced block of the page is the source, to the byte.
awk -v source="$2" '
    BEGIN { while ((getline line < source) > 0) wanted = wanted line "\n" }
    /^```/ { if (inside && block == wanted) found = 1; inside = !inside; block = ""; next }
    inside { block = block $0 "\n" }
    END { exit !(found && wanted != "") }' "$1"
