#include "report_html.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "output.h"
#include "warnings.h"

static const char none[] = "\xe2\x80\x93"; /* a dash */

/* Bytes of the character that begins here; 0: it is none that a page shows. */
static size_t character(const char *text, size_t length) {
    uint32_t point = 0;
    const size_t bytes = mmoe_utf8_next(text, length, &point);
    return bytes && mmoe_utf8_is_control(point) ? 0 : bytes;
}

void cli_html_cut(FILE *out, const char *text, size_t most) {
    size_t left = strlen(text);
    for (size_t count = 0; left; count++) {
        if (count == most) {
            fputs("\xe2\x80\xa6", out);
            return;
        }
        const size_t length = character(text, left);
        switch (*text) {
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
                fwrite(text, 1, length, out);
            else
                fputs("\xef\xbf\xbd", out);
        }
        text += length ? length : 1;
        left -= length ? length : 1;
    }
}

void cli_html_text(FILE *out, const char *text) { cli_html_cut(out, text, SIZE_MAX); }
void cli_html_name(FILE *out, const char *name) { cli_html_cut(out, name, REPORT_NAME); }

int cli_html_fit(const char *text, size_t most) {
    return (int)mmoe_utf8_cut(text, strnlen(text, most + 1), most);
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

void cli_html_metric(FILE *out, double value) {
    char text[CLI_FIGURE_SIZE];
    fputs(isfinite(value) ? cli_figure_text(value, text) : none, out);
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

void cli_html_warn(void *user, const mmoe_warning *warning) {
    const report_remarks *r = user;
    cli_warn("%s: %s", r->file, warning->message);
    cli_html_remark(r->page, "%s", warning->message);
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
