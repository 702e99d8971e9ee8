#include "export/onnx_values.h"

static const char *slice(mmoe_exporter *e, const char *name, int32_t first, int32_t cols) {
    const int64_t start = first, end = first + cols, axis = 1;
    return mmoe_onnx_add(e->onnx, "Slice", name, mmoe_onnx_ints(e->onnx, 1, &start),
                         mmoe_onnx_ints(e->onnx, 1, &end), mmoe_onnx_ints(e->onnx, 1, &axis));
}

const char *mmoe_onnx_concat(mmoe_exporter *e, const char *const *names, int32_t count) {
    if (count == 1) return names[0];
    const char *out = mmoe_onnx_add_list(e->onnx, "Concat", names, (size_t)count);
    mmoe_onnx_set_int(e->onnx, "axis", 1);
    return out;
}

/* Dimension 0, the rows, is taken over. */
const char *mmoe_onnx_reshape(mmoe_exporter *e, const char *name, int64_t middle, int64_t last) {
    const int64_t shape[] = {0, middle, last};
    return mmoe_onnx_add(e->onnx, "Reshape", name, mmoe_onnx_ints(e->onnx, 3, shape));
}

const char *mmoe_onnx_flatten(mmoe_exporter *e, const char *name, int64_t cols) {
    const int64_t shape[] = {0, cols};
    return mmoe_onnx_add(e->onnx, "Reshape", name, mmoe_onnx_ints(e->onnx, 2, shape));
}

const char *mmoe_onnx_cast(mmoe_exporter *e, const char *name, int64_t type) {
    const char *out = mmoe_onnx_add(e->onnx, "Cast", name);
    mmoe_onnx_set_int(e->onnx, "to", type);
    return out;
}

void mmoe_onnx_set_value(mmoe_exporter *e, int32_t value, mmoe_onnx_piece *items, int32_t count) {
    e->values[value] = (mmoe_onnx_pieces){items, count};
}

void mmoe_onnx_set_whole(mmoe_exporter *e, int32_t value, const char *name) {
    mmoe_onnx_piece *whole = mmoe_onnx_room(e->onnx, 1, sizeof *whole);
    if (!whole) return;
    *whole = (mmoe_onnx_piece){0, e->graph->values[value].width, name};
    mmoe_onnx_set_value(e, value, whole, 1);
}

const char *mmoe_onnx_view(mmoe_exporter *e, mmoe_view v) {
    const mmoe_onnx_pieces *p = &e->values[v.value];
    const char **names = mmoe_onnx_room(e->onnx, (size_t)p->count, sizeof *names);
    if (!names) return "";
    int32_t count = 0;
    for (int32_t i = 0; i < p->count; i++) {
        const mmoe_onnx_piece *k = &p->items[i];
        int32_t first = v.col > k->col ? v.col : k->col,
                end = v.col + v.cols < k->col + k->cols ? v.col + v.cols : k->col + k->cols;
        if (first >= end) continue;
        names[count++] =
            end - first == k->cols ? k->name : slice(e, k->name, first - k->col, end - first);
    }
    const char *out = mmoe_onnx_concat(e, names, count);
    if (count > 1 && v.cols == e->graph->values[v.value].width)
        mmoe_onnx_set_whole(e, v.value, out);
    return out;
}
