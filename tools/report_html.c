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
        case '&': fputs("&amp;", out); break;
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '"': fputs("&quot;", out); break;
        case '\'': fputs("&#39;", out); break;
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
        if (length - i > 1 && (length - i) % 3 == 1) fputs("\xe2\x80\xaf", out); /* narrow no-break space */
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

/* Okabe and Ito's colours, which the colour-blind tell apart, lighter on dark ground; a series' dashes differ too. */
static const char *const style[] = {
    ":root{color-scheme:light dark;--page:#f6f7f8;--card:#fff;--text:#1b1f23;--dim:#57606a;--line:#d5dade;--grid:#e6e9ec;--heat:0 95 160;--warn:#8a3b00;"
    "--c0:#0072b2;--c1:#d55e00;--c2:#008a64;--c3:#b0508a;--c4:#a97500;--c5:#2f86b5;--c6:#555c63}"
    "@media(prefers-color-scheme:dark){:root{--page:#111417;--card:#1a1e22;--text:#e4e7ea;--dim:#a2abb4;--line:#3a4148;--grid:#2b3036;--heat:60 150 215;"
    "--warn:#ffb27a;--c0:#56a9e0;--c1:#f28b4b;--c2:#2fc398;--c3:#e394c4;--c4:#e6b23c;--c5:#8fd0f5;--c6:#b4bcc4}}"
    "*{box-sizing:border-box}"
    "html{-webkit-text-size-adjust:100%;text-size-adjust:100%}"
    "body{margin:0;background:var(--page);color:var(--text);font:15px/1.45 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Liberation Sans\",Arial,sans-serif}"
    "main,header,footer{max-width:1192px;margin:0 auto;padding:0 20px}"
    "header{padding-top:24px}"
    "h1{font-size:1.6rem;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}"
    "h2{font-size:1.2rem;margin:36px 0 4px;padding-top:10px;border-top:2px solid var(--line)}"
    "h3{font-size:.95rem;margin:0;overflow-wrap:anywhere}"
    "p{margin:4px 0;max-width:80ch;overflow-wrap:anywhere}"
    ".dim,figcaption p,footer{color:var(--dim)}"
    "figcaption p,footer,.legend,.dim{font-size:.84rem}"
    "footer{margin-top:36px;padding-bottom:28px}"
    ".notice{border-left:4px solid var(--warn);background:var(--card);padding:8px 12px;margin:10px 0;max-width:none}"
    ".notice strong{color:var(--warn)}"
    "dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,270px),1fr));gap:10px 20px;margin:16px 0}"
    "dl.keys{gap:1px 20px;margin:8px 0}dl.keys div{display:flex;justify-content:space-between;gap:10px;border-bottom:1px solid "
    "var(--grid);align-items:baseline}"
    "dl.keys dd{text-align:right}"
    "dt{color:var(--dim);font-size:.84rem}dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}"
    ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,330px),1fr));gap:16px;margin:14px 0}"
    "figure{margin:0;padding:12px;background:var(--card);border:1px solid var(--line);border-radius:4px;min-width:0;display:flex;flex-direction:column;"
    "break-inside:avoid}"
    "figure>svg,figure .box>svg{display:block;margin-top:auto}"
    "figure>svg.top{margin-top:6px;margin-bottom:auto}"
    "figure>svg{width:100%;max-width:460px;height:auto}"
    "figure.wide{margin:14px 0;width:fit-content;max-width:100%}",
    "svg text{font:12px system-ui,-apple-system,\"Segoe UI\",Roboto,\"Liberation Sans\",Arial,sans-serif;fill:var(--text);font-variant-numeric:tabular-nums}"
    "svg .tick{fill:var(--dim)}svg .axis{stroke:var(--dim);fill:none}svg .gridline{stroke:var(--grid);fill:none}svg .mark{stroke:var(--dim);stroke-dasharray:2 "
    "3}"
    "svg .heat{fill:rgb(var(--heat))}svg .cell{stroke:var(--grid);fill:none}"
    "svg .series{fill:none;stroke-width:1.8;stroke-linejoin:round}"
    ".s0{stroke:var(--c0)}.s1{stroke:var(--c1);stroke-dasharray:6 3}.s2{stroke:var(--c2);stroke-dasharray:2 2}.s3{stroke:var(--c3);stroke-dasharray:9 3 2 3}"
    ".s4{stroke:var(--c4);stroke-dasharray:12 4}.s5{stroke:var(--c5);stroke-dasharray:4 2 1 2}.s6{stroke:var(--c6);stroke-dasharray:1 3}"
    "svg .dot{stroke-dasharray:none;stroke-width:1.2;fill:var(--card)}"
    ".legend{display:flex;flex-wrap:wrap;gap:2px 14px;list-style:none;margin:6px 0;padding:0}.legend "
    "svg{width:30px;height:10px;vertical-align:middle;margin-right:5px}"
    ".box{overflow-x:auto;max-width:100%}"
    "figure .box{margin:6px 0 0}"
    "table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}"
    "th,td{padding:4px 7px;border-top:1px solid var(--grid);text-align:left;white-space:nowrap}"
    ".loose{align-items:start}"
    ".parts{display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start;margin:14px "
    "0}.parts>figure.table,.parts>figure{margin:0}.parts>figure:not(.table){flex:0 1 372px}"
    ".parts>figure.wide{flex:0 1 auto;max-width:100%}"
    "figure.table{width:fit-content;max-width:100%;margin:14px 0}figure.table figcaption{width:0;min-width:100%}"
    ".grid figure.table{width:auto;margin:0}.grid table{width:100%}.grid thead th{white-space:normal}"
    "thead span{display:inline-block;max-width:11em;overflow-wrap:break-word;white-space:normal}"
    "thead th{color:var(--dim);font-weight:600;border-top:0;vertical-align:bottom}"
    "tbody th{font-weight:400}.n{text-align:right}tr.best{font-weight:600}tr.best th{font-weight:600}"
    "td.bar{min-width:110px}"
    "details{margin:12px 0}summary{cursor:pointer;color:var(--c0)}"
    "@media(max-width:560px){td.bar{min-width:76px}thead th,tbody "
    "th,td:not(.n){white-space:normal}main,header,footer{padding-left:12px;padding-right:12px}figure{padding:9px}th,td{padding:4px "
    "6px}dl:not(.keys){grid-template-columns:1fr 1fr}h1{font-size:1.3rem}}"
    "@media print{:root{--page:#fff;--card:#fff;--text:#000;--dim:#444;--line:#bbb;--grid:#ddd}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    "body{font-size:12px}figure,tr{break-inside:avoid}h2,figcaption{break-after:avoid}.box{overflow:visible}.grid{grid-template-columns:repeat(2,1fr)}"
    "details::details-content{content-visibility:visible;block-size:auto}summary{list-style:none}}"};

void cli_html_begin(FILE *out, const char *title) {
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" content=\"mmoe ",
          out);
    cli_html_text(out, mmoe_version());
    fputs("\">\n<title>", out);
    cli_html_text(out, title);
    fprintf(out, "</title>\n<style>%s%s</style>\n</head>\n<body>\n", style[0], style[1]);
}

void cli_html_end(FILE *out) { fputs("</body>\n</html>\n", out); }

void cli_html_section(FILE *out, const char *id, const char *title, const char *sentence) {
    fprintf(out, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n", id, id, title);
    if (sentence) fprintf(out, "<p class=\"dim\">%s</p>\n", sentence);
}

static char *format_text(const char *format, va_list args) {
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
    fputs("<p class=\"notice\" role=\"note\"><strong>Not shown, or not whole:</strong> ", page->out);
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

void cli_html_table(FILE *out, const char *title, const char *sentence, const char *const *columns, int count, int left) {
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
