/* Throughput and efficiency over the number of experts, drawn by gnuplot. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "common.h"

void bench_plot_prepare(const char *path) {
    FILE *f = popen("command -v gnuplot >/dev/null", "w");
    if (!f || pclose(f) != 0) bench_fail("--plot: there is no gnuplot (Debian: gnuplot-nox)");
    char reason[MMOE_REASON_SIZE];
    f = fopen(path, "we");
    if (!f) bench_fail("--plot: cannot write %s: %s", path, mmoe_reason(errno, reason));
    fclose(f);
}

static void print_quoted(FILE *f, const char *text) {
    fputc('\'', f);
    for (; *text; text++) fputs(*text == '\'' ? "''" : (char[]){*text, 0}, f);
    fputc('\'', f);
}

static void print_points(FILE *f, const bench_list *l) {
    for (int32_t i = 0; i < l->count; i++) fprintf(f, "%s%d", i ? "," : "", (int)l->items[i]);
}

static void print_settings(FILE *f, const bench_options *o) {
    fprintf(f, "set label 1 'experts of [");
    print_points(f, &o->dims);
    fprintf(f, "], %d inputs, %d tasks with towers of [", (int)bench_input_width(o), (int)o->tasks);
    print_points(f, &o->towers);
    fprintf(f,
            "], batch %d, %s, batch norm %s, %d thread%s; %s' at screen 0.5, 0.925 center tc rgb "
            "'#555555' noenhanced\n",
            (int)o->batch, o->optimizer, o->batch_norm ? "on" : "off", (int)o->threads,
            o->threads == 1 ? "" : "s", mmoe_blas_core_type());
}

void bench_plot(const char *path, const bench_options *o, const bench_point *points, size_t count) {
    FILE *f = popen("gnuplot", "w");
    if (!f) bench_fail("--plot: gnuplot does not start");
    fprintf(
        f, "set terminal svg size 1000,460 font 'sans-serif,13' background '#ffffff'\nset output ");
    print_quoted(f, path);
    fprintf(f, "\n$d << EOD\n");
    for (size_t i = 0; i < count; i++) {
        const bench_point *p = &points[i];
        fprintf(f, "%g %g %g %g %g %g\n", p->n_expert, p->train_rate, p->inference_rate,
                p->step_percent, p->gemm_percent, p->gemm_share);
    }
    fprintf(f, "EOD\nset multiplot layout 1,2 margins 0.085,0.98,0.14,0.80 spacing 0.09 title "
               "'mmoe: training and inference over the number of experts'\n");
    print_settings(f, o);
    fputs("set border 3 lc rgb '#888888'\nset tics nomirror tc rgb '#333333'\nset grid ytics lc "
          "rgb '#e4e4e4' lt 1\n"
          "set logscale x 2\nset xlabel 'experts'\nset xtics (",
          f);
    for (size_t i = 0; i < count; i++) fprintf(f, "%s%g", i ? "," : "", points[i].n_expert);
    fputs(")\nset xrange [*:*]\nset offsets graph 0.04, graph 0.04, 0, 0\nset style data "
          "linespoints\nset pointsize 0.7\n",
          f);
    fputs("set title 'rows/s'\nset logscale y\nset format y '%.0s %c'\nset yrange [*:*]\nset key "
          "top right\n"
          "plot $d using 1:3 title 'inference' lw 2 pt 7 lc rgb '#1b7f79', '' using 1:2 title "
          "'training' lw 2 pt 7 lc rgb '#d1495b'\n",
          f);
    fputs("unset label 1\nunset logscale y\nset title 'efficiency of a training step, %'\nset "
          "format y '%g'\nset yrange [0:105]\nset key bottom right\n"
          "plot $d using 1:6 title 'time of the GEMMs alone / time of the step' lw 2 pt 7 lc rgb "
          "'#7a5195', "
          "'' using 1:5 title 'the GEMMs alone, of the GEMM peak' lw 2 dt 2 pt 6 lc rgb '#888888', "
          "'' using 1:4 title 'the step, of the GEMM peak' lw 2 pt 7 lc rgb '#d1495b'\nunset "
          "multiplot\n",
          f);
    if (pclose(f) != 0) bench_fail("--plot: gnuplot could not draw %s", path);
}
