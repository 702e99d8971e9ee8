"""Which processor this is: its family by name. A virtual machine's "model name" may name nothing,
and its model number may be another one's: where its flags are of a later family, they decide."""

# Of a vendor and family, ranges of model numbers as Linux has them (arch/x86/kernel/cpu/amd.c,
# arch/x86/include/asm/intel-family.h).
MODELS = {
    ("AuthenticAMD", 0x17): [(0x00, 0x2F, "Zen"), (0x30, 0x4F, "Zen 2"), (0x50, 0x5F, "Zen"),
                             (0x60, 0x7F, "Zen 2"), (0x90, 0x91, "Zen 2"), (0xA0, 0xAF, "Zen 2")],
    ("AuthenticAMD", 0x19): [(0x00, 0x0F, "Zen 3"), (0x10, 0x1F, "Zen 4"), (0x20, 0x5F, "Zen 3"),
                             (0x60, 0xAF, "Zen 4")],
    ("AuthenticAMD", 0x1A): [(0x00, 0x2F, "Zen 5"), (0x40, 0x4F, "Zen 5"), (0x50, 0x5F, "Zen 6"),
                             (0x60, 0x7F, "Zen 5"), (0x80, 0xAF, "Zen 6"), (0xC0, 0xCF, "Zen 6")],
    ("GenuineIntel", 6): [(0x3C, 0x3C, "Haswell"), (0x3F, 0x3F, "Haswell"),
                          (0x4E, 0x4E, "Skylake"), (0x4F, 0x4F, "Broadwell"),
                          (0x5E, 0x5E, "Skylake"), (0x56, 0x56, "Broadwell"),
                          (0x6A, 0x6C, "Ice Lake"), (0x7D, 0x7E, "Ice Lake"),
                          (0x8C, 0x8D, "Tiger Lake"), (0x8F, 0x8F, "Sapphire Rapids"),
                          (0x97, 0x97, "Alder Lake"), (0x9A, 0x9A, "Alder Lake"),
                          (0xA7, 0xA7, "Rocket Lake"), (0xAD, 0xAE, "Granite Rapids"),
                          (0xAF, 0xAF, "Sierra Forest"), (0xB7, 0xB7, "Raptor Lake"),
                          (0xCF, 0xCF, "Emerald Rapids")],
}
# Model 0x55 of Intel is three families, by its stepping.
STEPPINGS = [(0, 4, "Skylake"), (5, 9, "Cascade Lake"), (10, 15, "Cooper Lake")]
# Intel's flags, the newest first, with the families that have them.
FLAGS = [("amx_fp16", ["Granite Rapids"]),
         ("amx_tile", ["Sapphire Rapids", "Emerald Rapids", "Granite Rapids"])]
ARM_PARTS = {
    (0x41, 0xD08): "Cortex-A72", (0x41, 0xD0C): "Neoverse N1", (0x41, 0xD40): "Neoverse V1",
    (0x41, 0xD49): "Neoverse N2", (0x41, 0xD4F): "Neoverse V2", (0x41, 0xD84): "Neoverse V3",
    (0x41, 0xD8E): "Neoverse N3", (0xC0, 0xAC3): "Ampere-1", (0xC0, 0xAC4): "Ampere-1A"
}


def first_of(cpuinfo):
    """{name: text} of the first processor in the text of /proc/cpuinfo"""
    lines = cpuinfo.strip().split("\n\n")[0].splitlines()
    return {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines)}


def name_in(ranges, number):
    return next((name for low, high, name in ranges if low <= number <= high), None)


def x86_family(fields, vendor, family, model):
    if (vendor, family, model) == ("GenuineIntel", 6, 0x55):
        return name_in(STEPPINGS, int(fields.get("stepping", 0)))
    known = name_in(MODELS.get((vendor, family), []), model)
    if vendor == "GenuineIntel":
        for flag, families in FLAGS:
            if flag in fields.get("flags", "").split() and known not in families:
                return f"{families[0]} or later"
    return known


def identify(cpuinfo):
    """{"family": "Zen 5", "numbers": "AuthenticAMD family 26, model 2, stepping 1", "name": the
    processor's own name}; where the family is not known, its numbers stand for it"""
    fields = first_of(cpuinfo)
    if "CPU part" in fields:
        maker, part = int(fields["CPU implementer"], 16), int(fields["CPU part"], 16)
        numbers = f"implementer {maker:#x}, part {part:#x}, variant {fields.get('CPU variant')}"
        return {"family": ARM_PARTS.get((maker, part), numbers), "numbers": numbers,
                "name": fields.get("model name", "")}
    vendor, family, model = fields.get("vendor_id", "unknown"), -1, -1
    if "cpu family" in fields and "model" in fields:
        family, model = int(fields["cpu family"]), int(fields["model"])
    numbers = f"{vendor} family {family}, model {model}, stepping {fields.get('stepping')}"
    return {"family": x86_family(fields, vendor, family, model) or numbers, "numbers": numbers,
            "name": fields.get("model name", "")}
