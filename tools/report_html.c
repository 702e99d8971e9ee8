#include "report_html.h"

#include <stdint.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char none[] = "\xe2\x80\x93"; /* a dash */

/* Bytes of the UTF-8 character that begins here; 0: it is none. */
static size_t character(const unsigned char *s) {
    if (*s < 0x80) return *s >= 0x20 && *s != 0x7f ? 1 : 0;
    const size_t length = *s >= 0xf0 && *s <= 0xf4 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc2 ? 2 : 0;
    if (!length || *s > 0xf4) return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    const bool is_c1 = *s == 0xc2 && s[1] < 0xa0;
    const bool too_long = (*s == 0xe0 && s[1] < 0xa0) || (*s == 0xf0 && s[1] < 0x90);
    const bool is_surrogate = *s == 0xed && s[1] >= 0xa0, too_large = *s == 0xf4 && s[1] >= 0x90;
    return is_c1 || too_long || is_surrogate || too_large ? 0 : length;
}

void cli_html_cut(FILE *out, const char *text, size_t most) {
    const unsigned char *s = (const unsigned char *)text;
    for (size_t count = 0; *s; count++) {
        if (count == most) {
            fputs("\xe2\x80\xa6", out);
            return;
        }
        const size_t length = character(s);
        switch (*s) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            if (length)
                fwrite(s, 1, length, out);
            else
                fputs("\xef\xbf\xbd", out);
        }
        s += length ? length : 1;
    }
}

void cli_html_text(FILE *out, const char *text) { cli_html_cut(out, text, SIZE_MAX); }
void cli_html_name(FILE *out, const char *name) { cli_html_cut(out, name, REPORT_NAME); }

int cli_html_fit(const char *text, size_t most) {
    size_t length = strnlen(text, most + 1);
    if (length <= most) return (int)length;
    for (length = most; length && ((unsigned char)text[length] & 0xc0) == 0x80;) length--;
    return (int)length;
}

void cli_html_count(FILE *out, double value) {
    char digits[32];
    if (!(value >= 0 && value < 1e15)) {
        fputs(none, out);
        return;
    }
    const int length = snprintf(digits, sizeof digits, "%.0f", value);
    for (int i = 0; i < length; i++) {
        fputc(digits[i], out);
        if (length - i > 1 && (length - i) % 3 == 1)
            fputs("\xe2\x80\xaf", out); /* narrow no-break space */
    }
}

void cli_html_fixed(FILE *out, int digits, double value) {
    if (isfinite(value))
        fprintf(out, fabs(value) < 1e9 ? "%.*f" : "%.*e", digits, value);
    else
        fputs(none, out);
}

void cli_html_number(FILE *out, int digits, double value) {
    if (isfinite(value))
        fprintf(out, "%.*g", digits, value);
    else
        fputs(none, out);
}

/* ---- Page ---- */

void cli_html_begin(FILE *out, const char *title) {
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta "
          "name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" "
          "content=\"mmoe ",
          out);
    cli_html_text(out, mmoe_version());
    fputs("\">\n<title>", out);
    cli_html_text(out, title);
    fputs("</title>\n", out);
    cli_html_style(out);
    fputs("</head>\n<body>\n", out);
}

void cli_html_end(FILE *out) { fputs("</body>\n</html>\n", out); }

void cli_html_section(FILE *out, const char *id, const char *title, const char *sentence) {
    fprintf(out, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n", id, id, title);
    if (sentence) fprintf(out, "<p class=\"dim\">%s</p>\n", sentence);
}

__attribute__((format(printf, 1, 0))) static char *format_text(const char *format, va_list args) {
    char *text = NULL;
    return vasprintf(&text, format, args) < 0 ? NULL : text;
}

void cli_html_notice(report_page *page, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = format_text(format, args);
    va_end(args);
    page->incomplete = true;
    cli_fail("%s", text ? text : "out of memory");
    fputs("<p class=\"notice\" role=\"note\"><strong>Not shown, or not whole:</strong> ",
          page->out);
    cli_html_cut(page->out, text ? text : "out of memory", 600);
    fputs("</p>\n", page->out);
    free(text);
}

void cli_html_remark(FILE *out, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = format_text(format, args);
    va_end(args);
    fputs("<p class=\"notice\" role=\"note\"><strong>Note:</strong> ", out);
    if (text) cli_html_cut(out, text, 600);
    fputs("</p>\n", out);
    free(text);
}

void cli_html_figure(FILE *out, const char *class, const char *title, const char *sentence) {
    fprintf(out, "<figure class=\"%s\"><figcaption><h3>", class);
    cli_html_text(out, title);
    fputs("</h3><p>", out);
    cli_html_text(out, sentence);
    fputs("</p></figcaption>\n", out);
}

void cli_html_table(FILE *out, const char *title, const char *sentence, const char *const *columns,
                    int count, int left) {
    cli_html_figure(out, "table", title, sentence);
    fputs("<div class=\"box\" role=\"region\" tabindex=\"0\" aria-label=\"", out);
    cli_html_text(out, title);
    fputs("\"><table>\n<thead><tr>", out);
    for (int i = 0; i < count; i++) {
        fprintf(out, "<th scope=\"col\" class=\"%s\">", i < left ? "" : "n");
        fputs("<span>", out);
        cli_html_name(out, columns[i]);
        fputs("</span></th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
}

void cli_html_table_end(FILE *out) { fputs("</tbody></table></div></figure>\n", out); }
