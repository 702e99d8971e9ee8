#include "report_svg.h"

#include <math.h>
#include <string.h>

#include "base/utf8.h"

/* A figure is 360 units wide, as wide as on a phone, so that its text keeps its size. */
enum {
    WIDTH = 360,
    LEFT = 52,
    RIGHT = 14,
    TOP = 20,
    BOTTOM = 38,
    HEIGHT = 230,
    SQUARE_HEIGHT = 318,
    POINTS = 240,
    FEW_POINTS = 30
};
static const double too_large = 1e30;

typedef struct axis {
    double low, high; /* values */
    double from, to;  /* where they stand */
    double step;      /* between ticks */
    double unit; /* of the ticks' numbers, with its suffix, and their digits behind the point */
    char suffix[8];
    int digits;
} axis;

static bool is_drawn(double value) { return isfinite(value) && fabs(value) < too_large; }
static double place_on_axis(const axis *a, double value) {
    return a->from + (value - a->low) / (a->high - a->low) * (a->to - a->from);
}

/* 1, 2 or 5 times a power of ten: at most `count` steps. */
static double nice_step(double range, int count) {
    const double least = range / count, power = pow(10, floor(log10(least)));
    const double factor = least / power;
    if (factor <= 1) return power;
    if (factor <= 2) return power * 2;
    return power * (factor <= 5 ? 5 : 10);
}

/* 12, 0.25, 160k, 38.5G, 2.5e-06: digits enough to tell neighbours apart. */
static void choose_ticks(axis *a, int count) {
    static const char suffixes[] = " kMGT";
    const double size = fmax(fabs(a->low), fabs(a->high)), power = floor(log10(size));
    a->step = nice_step(a->high - a->low, count);
    a->unit = 1;
    a->suffix[0] = '\0';
    if (size >= 1e15 || size < 1e-3) {
        a->unit = pow(10, power);
        snprintf(a->suffix, sizeof a->suffix, "e%+03.0f", power);
    } else if (size >= 1e5) {
        const int thousands = (int)(power / 3);
        a->unit = pow(1000, thousands);
        snprintf(a->suffix, sizeof a->suffix, "%c", suffixes[thousands]);
    }
    a->digits = (int)fmax(0, -floor(log10(a->step / a->unit) + 1e-9));
}

enum { TICK_SIZE = 64 };

static int tick_text(const axis *a, double value, char text[TICK_SIZE]) {
    if (fabs(value) < a->step / 1e3) return snprintf(text, TICK_SIZE, "0");
    return snprintf(text, TICK_SIZE, "%.*f%s", a->digits, value / a->unit, a->suffix);
}

static double first_tick(const axis *a) { return ceil(a->low / a->step - 1e-9); }
static bool is_tick(const axis *a, double k) { return k * a->step <= a->high + 1e-9 * a->step; }

/* About, of the longest tick's text. */
static double tick_width(const axis *a) {
    char text[TICK_SIZE];
    int longest = 0;
    for (double k = first_tick(a); is_tick(a, k); k++) {
        const int length = tick_text(a, k * a->step, text);
        if (length > longest) longest = length;
    }
    return 6.8 * longest;
}

/* ---- Axes ---- */

static const double least_span = 0.05; /* of an axis with a level, as a part of it */

static void widen(axis *a, double value) {
    if (!is_drawn(value)) return;
    a->low = fmin(a->low, value);
    a->high = fmax(a->high, value);
}

/* A range of its own for what has none, and room above and below the curves. */
static void settle_axis(axis *a, double room) {
    if (a->low > a->high) *a = (axis){0, 1, a->from, a->to, 0};
    double pad = room * (a->high - a->low);
    if (a->high - a->low <= 1e-12 * fmax(fabs(a->low), fabs(a->high)) || a->high == a->low)
        pad = a->low != 0 ? 0.1 * fabs(a->low) : 0.5;
    a->low -= pad;
    a->high += pad;
}

static void measure_series(const report_plot *p, axis *x, axis *y) {
    x->low = y->low = INFINITY;
    x->high = y->high = -INFINITY;
    for (int s = 0; s < p->n_series; s++)
        for (int i = 0; i < p->series[s].count; i++) {
            if (!is_drawn(p->series[s].x[i]) || !is_drawn(p->series[s].y[i])) continue;
            widen(x, p->series[s].x[i]);
            widen(y, p->series[s].y[i]);
        }
    if (p->from_zero) widen(y, 0);
    /* A gain of a thousandth looks like one. */
    if (is_drawn(p->level)) {
        widen(y, p->level);
        if (y->high - y->low < least_span * fabs(p->level)) {
            widen(y, p->level * (1 - least_span / 2));
            widen(y, p->level * (1 + least_span / 2));
        }
    }
    if (p->unit) {
        *x = (axis){0, 1, x->from, x->to, 0};
        *y = (axis){0, 1, y->from, y->to, 0};
    }
    if (p->square && !p->unit) {
        widen(x, y->low);
        widen(x, y->high);
        settle_axis(x, 0.03);
        y->low = x->low;
        y->high = x->high;
        if (p->from_zero) x->low = y->low = 0;
    } else if (!p->unit) {
        const double low = y->low;
        if (p->whole_x && x->low == x->high) {
            x->low -= 0.5;
            x->high += 0.5;
        }
        settle_axis(x, p->whole_x ? 0.03 : 0); /* a mark at the first epoch is not the axis */
        settle_axis(y, 0.06);
        if (p->from_zero && low >= 0) y->low = 0;
    }
}

/* The texts of y have their room at the left, those of x lie side by side. */
static void lay_out_ticks(const report_plot *p, axis *x, axis *y) {
    choose_ticks(y, 6);
    x->from = fmax(LEFT, tick_width(y) + 12);
    for (int count = 6; count > 0; count--) {
        choose_ticks(x, count);
        if (p->whole_x) x->step = fmax(1, x->step);
        if (p->whole_x) x->digits = 0;
        if (tick_width(x) + 8 < (x->to - x->from) * x->step / (x->high - x->low)) break;
    }
}

static void draw_axes(FILE *out, const report_plot *p, const axis *x, const axis *y) {
    char text[TICK_SIZE];
    for (double k = first_tick(y); is_tick(y, k); k++) {
        const double at = place_on_axis(y, k * y->step);
        fprintf(out,
                "<path class=\"gridline\" d=\"M%.1f %.1fH%.1f\"/><text class=\"tick\" x=\"%.1f\" "
                "y=\"%.1f\" text-anchor=\"end\">",
                x->from, at, x->to, x->from - 6, at + 4);
        tick_text(y, k * y->step, text);
        fprintf(out, "%s</text>", text);
    }
    for (double k = first_tick(x); is_tick(x, k); k++) {
        const double at = place_on_axis(x, k * x->step);
        fprintf(out,
                "<path class=\"axis\" d=\"M%.1f %.1fv4\"/><text class=\"tick\" x=\"%.1f\" "
                "y=\"%.1f\" text-anchor=\"middle\">",
                at, y->from, at, y->from + 17);
        tick_text(x, k * x->step, text);
        fprintf(out, "%s</text>", text);
    }
    fprintf(out, "<path class=\"axis\" d=\"M%.1f %.1fV%.1fH%.1f\"/><text x=\"2\" y=\"11\">",
            x->from, y->to, y->from, x->to);
    cli_html_text(out, p->y_label);
    fprintf(out, "</text><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
            (x->from + x->to) / 2, y->from + 33);
    cli_html_text(out, p->x_label);
    fputs("</text>\n", out);
}

/* ---- Curves ---- */

static void draw_series(FILE *out, const report_series *s, const axis *x, const axis *y,
                        bool dots) {
    const int count = s->count > POINTS ? POINTS : s->count;
    bool is_open = false;
    fprintf(out, "<path class=\"series s%d\" d=\"", s->style);
    for (int k = 0; k < count; k++) {
        const int i = count == s->count ? k : (int)((int64_t)k * (s->count - 1) / (count - 1));
        const bool drawn = is_drawn(s->x[i]) && is_drawn(s->y[i]);
        if (drawn)
            fprintf(out, "%c%.1f %.1f", is_open ? 'L' : 'M', place_on_axis(x, s->x[i]),
                    place_on_axis(y, s->y[i]));
        is_open = drawn;
    }
    fputs("\"/>", out);
    for (int i = 0; i < s->count && (dots || s->count <= FEW_POINTS); i++) {
        if (!is_drawn(s->x[i]) || !is_drawn(s->y[i])) continue;
        fprintf(out,
                "<circle class=\"dot s%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"><title>%.6g: "
                "%.6g</title></circle>",
                s->style, place_on_axis(x, s->x[i]), place_on_axis(y, s->y[i]), dots ? "3" : "2",
                s->x[i], s->y[i]);
    }
    fputc('\n', out);
}

static void draw_marks(FILE *out, const report_plot *p, const axis *x, const axis *y) {
    if (p->square)
        fprintf(out, "<path class=\"mark\" d=\"M%.1f %.1fL%.1f %.1f\"/>", x->from, y->from, x->to,
                y->to);
    for (int i = 0; i < p->n_start; i++)
        if (p->starts[i] > x->low && p->starts[i] < x->high)
            fprintf(out, "<path class=\"mark\" d=\"M%.1f %.1fV%.1f\"/>",
                    place_on_axis(x, p->starts[i]), y->from, y->to);
    if (!is_drawn(p->mark) || p->mark < x->low || p->mark > x->high) return;
    const double at = place_on_axis(x, p->mark);
    fprintf(out,
            "<path class=\"axis\" d=\"M%.1f %.1fV%.1f\"/><text class=\"tick\" x=\"%.1f\" y=\"11\" "
            "text-anchor=\"middle\">",
            at, y->from, y->to - 5, fmin(fmax(at, 170), WIDTH - 42));
    cli_html_text(out, p->mark_label);
    fputs("</text>\n", out);
}

/* What a constant would give; its text stands where the line leaves more room. */
static void draw_level(FILE *out, const report_plot *p, const axis *x, const axis *y) {
    if (!is_drawn(p->level)) return;
    const double at = place_on_axis(y, p->level), below = at < (y->from + y->to) / 2 ? 13 : -5;
    fprintf(out,
            "<path class=\"level\" d=\"M%.1f %.1fH%.1f\"/><text class=\"level\" x=\"%.1f\" "
            "y=\"%.1f\" text-anchor=\"end\">",
            x->from, at, x->to, x->to - 2, at + below);
    cli_html_text(out, p->level_label);
    fputs("</text>\n", out);
}

/* The mark's points on the curves. */
static void draw_marked(FILE *out, const report_plot *p, const axis *x, const axis *y) {
    for (int s = 0; s < p->n_series; s++) {
        const report_series *line = &p->series[s];
        for (int i = 0; i < line->count; i++)
            if (line->x[i] == p->mark && is_drawn(line->y[i]))
                fprintf(out, "<circle class=\"marked\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n",
                        place_on_axis(x, line->x[i]), place_on_axis(y, line->y[i]));
    }
}

static void label_svg(FILE *out, const report_plot *p) {
    fputs(" role=\"img\" aria-label=\"", out);
    cli_html_text(out, p->title);
    for (int s = 0; s < p->n_series && s < REPORT_STYLES; s++) {
        const report_series *line = &p->series[s];
        if (!line->count) continue;
        fputs(s ? "; " : ": ", out);
        if (line->label) cli_html_name(out, line->label);
        fputs(line->label ? " from " : "from ", out);
        cli_html_number(out, 5, line->y[0]);
        fputs(" to ", out);
        cli_html_number(out, 5, line->y[line->count - 1]);
    }
    fputs("\">\n", out);
}

void cli_svg_swatch(FILE *out, int style) {
    fprintf(out,
            "<svg viewBox=\"0 0 30 10\" aria-hidden=\"true\"><path class=\"series s%d\" d=\"M1 "
            "5H29\"/></svg>",
            style);
}

void cli_svg_plot(FILE *out, const report_plot *p) {
    const int height = p->square ? SQUARE_HEIGHT : HEIGHT;
    axis x = {.from = LEFT, .to = WIDTH - RIGHT}, y = {.from = height - BOTTOM, .to = TOP};
    measure_series(p, &x, &y);
    lay_out_ticks(p, &x, &y);
    cli_html_figure(out, "plot", p->title, p->sentence);
    if (p->n_series > 1) {
        fputs("<ul class=\"legend\">", out);
        for (int s = 0; s < p->n_series; s++) {
            fputs("<li>", out);
            cli_svg_swatch(out, p->series[s].style);
            cli_html_cut(out, p->series[s].label, REPORT_VALUE);
            fputs("</li>", out);
        }
        fputs("</ul>\n", out);
    }
    fprintf(out, "<svg viewBox=\"0 0 %d %d\"", WIDTH, height);
    label_svg(out, p);
    draw_axes(out, p, &x, &y);
    draw_marks(out, p, &x, &y);
    draw_level(out, p, &x, &y);
    for (int s = 0; s < p->n_series; s++) draw_series(out, &p->series[s], &x, &y, p->dots);
    draw_marked(out, p, &x, &y);
    fputs("</svg></figure>\n", out);
}

/* ---- Heat maps ---- */

enum {
    SHADES = 12,
    NUMBERS = 26,
    NAME_LENGTH = 19,
    LEAST_CELL = 14,
    MOST_CELL = 40,
    NUMBER_CELL = 28,
    ROW = 16,
    KEY = 26
};
static const double darkest = 0.6; /* of the colour: text on it stays legible */

typedef struct grid {
    double left, cell_width, cell_height, width, height;
} grid;

/* As wide as the longest name: about 6.6 units a character. */
static double left_of(const report_heat *h) {
    if (!h->row_names) return NUMBERS;
    size_t longest = 0;
    for (int r = 0; r < h->rows; r++) {
        const size_t length = strlen(h->row_names[r]);
        if (length > longest) longest = length;
    }
    return 8 + 6.6 * (double)(longest < NAME_LENGTH ? longest : NAME_LENGTH);
}

static grid lay_out_grid(const report_heat *h) {
    grid g = {.left = left_of(h)};
    g.cell_width = fmin(MOST_CELL, (WIDTH - g.left - 2) / h->columns);
    if (h->is_wide) g.cell_width = fmax(LEAST_CELL, g.cell_width);
    g.cell_height = h->row_names ? ROW : fmin(g.cell_width, NUMBER_CELL);
    g.width = fmax(WIDTH, g.left + g.cell_width * h->columns + 2);
    g.height = TOP + g.cell_height * h->rows + ROW + KEY + 14;
    return g;
}

static int shade(const report_heat *h, double value) {
    if (!is_drawn(value)) return -1;
    const double part = (value - h->lowest) / (h->highest - h->lowest);
    return (int)lround(fmin(fmax(part, 0), 1) * SHADES);
}

/* A path a shade, so that the cells cost few bytes. */
static void draw_cells(FILE *out, const report_heat *h, const grid *g) {
    for (int s = 1; s <= SHADES; s++) {
        bool is_open = false;
        for (int r = 0; r < h->rows; r++)
            for (int c = 0; c < h->columns; c++) {
                if (shade(h, h->values[(size_t)r * (size_t)h->columns + (size_t)c]) != s) continue;
                if (!is_open)
                    fprintf(out, "<path class=\"heat\" fill-opacity=\"%.2f\" d=\"",
                            darkest * s / SHADES);
                is_open = true;
                fprintf(out, "M%.1f %.1fh%.1fv%.1fh-%.1fz", g->left + c * g->cell_width,
                        TOP + r * g->cell_height, g->cell_width, g->cell_height, g->cell_width);
            }
        if (is_open) fputs("\"/>\n", out);
    }
    fprintf(out, "<rect class=\"cell\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%.1f\"/>\n",
            g->left, TOP, h->columns * g->cell_width, h->rows * g->cell_height);
}

static void write_values(FILE *out, const report_heat *h, const grid *g) {
    for (int r = 0; r < h->rows && g->cell_width >= NUMBER_CELL; r++)
        for (int c = 0; c < h->columns; c++) {
            const double value = h->values[(size_t)r * (size_t)h->columns + (size_t)c];
            if (is_drawn(value))
                fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.2f</text>",
                        g->left + (c + 0.5) * g->cell_width, TOP + (r + 0.5) * g->cell_height + 4,
                        value);
        }
}

/* The last characters tell names apart. */
static void write_tail(FILE *out, const char *name) {
    const size_t length = strlen(name);
    size_t from = length > NAME_LENGTH ? length - NAME_LENGTH + 1 : 0;
    while (from && from < length && mmoe_utf8_continues(name[from])) from++;
    if (from) fputs("\xe2\x80\xa6", out);
    cli_html_text(out, name + from);
}

static void write_names(FILE *out, const report_heat *h, const grid *g) {
    for (int r = 0; r < h->rows; r++) {
        fprintf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", g->left - 5,
                TOP + (r + 0.5) * g->cell_height + 4);
        if (h->row_names)
            write_tail(out, h->row_names[r]);
        else
            fprintf(out, "%d", r);
        fputs("</text>", out);
    }
    const int every = (int)ceil(26 / g->cell_width);
    for (int c = 0; c < h->columns; c += every) {
        fprintf(out, "<text class=\"tick\" x=\"%.1f\" y=\"13\" text-anchor=\"middle\">",
                g->left + (c + 0.5) * g->cell_width);
        if (h->column_names)
            cli_html_text(out, h->column_names[c]);
        else
            fprintf(out, "%d", h->first_column + c);
        fputs("</text>", out);
    }
}

static void draw_key(FILE *out, const report_heat *h, const grid *g) {
    const double y = TOP + h->rows * g->cell_height + ROW + 14;
    fprintf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%s</text>", g->left, y - 14,
            h->column_label);
    fprintf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%.3g</text>", g->left, y + 11,
            h->lowest);
    for (int s = 0; s <= SHADES; s += 2)
        fprintf(out,
                "<rect class=\"heat\" fill-opacity=\"%.2f\" x=\"%.1f\" y=\"%.1f\" width=\"14\" "
                "height=\"12\"/>",
                darkest * s / SHADES, g->left + 14 + 7 * s, y);
    fprintf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%.3g</text>\n",
            g->left + 14 + 7 * (SHADES + 2) + 5, y + 11, h->highest);
}

void cli_svg_heat(FILE *out, const report_heat *h) {
    const grid g = lay_out_grid(h);
    cli_html_figure(out, g.width > WIDTH ? "wide" : "plot", h->title, h->sentence);
    if (g.width > WIDTH)
        fprintf(out,
                "<div class=\"box\" role=\"region\" tabindex=\"0\" aria-label=\"cells\"><svg "
                "width=\"%.0f\" height=\"%.0f\"",
                g.width, g.height);
    else
        fputs("<svg class=\"top\"", out);
    fprintf(out, " viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", g.width, g.height);
    cli_html_text(out, h->title);
    fputs("\">\n", out);
    draw_cells(out, h, &g);
    write_values(out, h, &g);
    write_names(out, h, &g);
    draw_key(out, h, &g);
    fputs(g.width > WIDTH ? "</svg></div></figure>\n" : "</svg></figure>\n", out);
}
