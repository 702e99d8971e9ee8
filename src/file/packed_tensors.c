#include "file/packed_tensors.h"

#include <string.h>

#include "base/checksum.h"
#include "base/error.h"

static uint64_t sum_of_text(const mmoe_packed_form *form, const char *text) {
    return form->text ? mmoe_checksum_part(form->text, text, strlen(text)) : 0;
}

static uint64_t sum_of(const mmoe_container_tensor *t) {
    return mmoe_checksum_part(t->name, t->data, t->bytes);
}

mmoe_status mmoe_packed_write_tensors(const char *path, const mmoe_packed_form *form,
                                      const mmoe_packed_tensors *tensors,
                                      const mmoe_allocator *alloc, mmoe_error *err) {
    char checksum[MMOE_CHECKSUM_SIZE];
    uint64_t sum = sum_of_text(form, tensors->text);
    for (size_t i = 0; i < tensors->count; i++) sum += sum_of(&tensors->items[i]);
    mmoe_checksum_print(sum, checksum);
    const char *metadata[7] = {"format", form->format};
    size_t n = 2;
    if (form->text) {
        metadata[n++] = form->text;
        metadata[n++] = tensors->text;
    }
    metadata[n++] = "checksum";
    metadata[n] = checksum;
    return mmoe_container_write(path, tensors->items, tensors->count, metadata, alloc, err);
}

mmoe_status mmoe_packed_check_tensors(const mmoe_container *file, const mmoe_packed_form *form,
                                      mmoe_error *err) {
    const char *name = mmoe_container_metadata(file, "format"),
               *text = form->text ? mmoe_container_metadata(file, form->text) : "",
               *given = mmoe_container_metadata(file, "checksum");
    char found[MMOE_CHECKSUM_SIZE];
    if (!name || strcmp(name, form->format) || !text || !given)
        return mmoe_fail_format(err, mmoe_container_name(file), "this is not %s", form->what);
    uint64_t sum = sum_of_text(form, text);
    for (size_t i = 0; i < mmoe_container_count(file); i++)
        sum += sum_of(mmoe_container_at(file, i));
    mmoe_checksum_print(sum, found);
    return strcmp(found, given) == 0
               ? MMOE_OK
               : mmoe_fail_format(err, mmoe_container_name(file),
                                  "the file is damaged: its checksum is another");
}
