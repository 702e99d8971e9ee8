/* Figures of `mmoe report`: curves in axes and heat maps, as SVG within <figure>. */
#ifndef MMOE_TOOLS_REPORT_SVG_H
#define MMOE_TOOLS_REPORT_SVG_H

#include "report_html.h"

enum { REPORT_STYLES = 7 }; /* of lines */

typedef struct report_series {
    const char *label;   /* of the legend, which a plot of one series does not have */
    const double *x, *y; /* [count]; what is not finite is left out, and the line is broken there */
    int count;
    int style; /* 0 .. REPORT_STYLES - 1 */
} report_series;

typedef struct report_plot {
    const char *title, *sentence; /* plain text */
    const char *x_label, *y_label;
    const report_series *series;
    int n_series;
    bool whole_x;   /* ticks at whole numbers */
    bool from_zero; /* y begins at 0 */
    bool square;    /* both axes have the same range, a diagonal is drawn: the ideal, or what knows
                       nothing */
    bool unit;      /* both ranges are 0 to 1 */
    bool dots;      /* points are marked whatever their number */
    double mark;    /* a vertical line at x, NaN: none */
    const char *mark_label;
    double level; /* a horizontal line at y, NaN: none */
    const char *level_label;
    const double *starts; /* [n_start] thin vertical lines: where a run was resumed */
    int n_start;
} report_plot;

void cli_svg_plot(FILE *out, const report_plot *plot);
/* The legend's entry of a style, without text. */
void cli_svg_swatch(FILE *out, int style);

/* rows x columns cells, row 0 on top. */
typedef struct report_heat {
    const char *title, *sentence;
    const double *values; /* [rows, columns]; not finite: an empty cell */
    int rows, columns;
    double lowest, highest;          /* of the colours */
    const char *const *row_names;    /* [rows] or NULL: numbers */
    const char *const *column_names; /* [columns] or NULL: numbers from `first_column` */
    int first_column;
    const char *column_label; /* under the columns */
    bool is_wide;             /* may be wider than a phone, it then scrolls */
} report_heat;

void cli_svg_heat(FILE *out, const report_heat *heat);

#endif
