"""test_structs.py INCLUDE CC: what python/mmoe.py says of the headers is what a compiler says: the
size of each structure, each member's offset and size, and each constant."""
import ctypes
import subprocess
import sys
import tempfile

try:
    import mmoe
except ImportError as error:
    if "numpy" not in str(error):
        raise
    print("skipped:", error)
    sys.exit(77)

CONSTANTS = ["OK", "VALUE_", "SIDE_", "LABELS_", "PACKED_", "MISSING_", "MAX_", "E_"]


def structures():
    """Name in C: class; Arrow's are structs alone."""
    made = [s for s in vars(mmoe).values() if isinstance(s, type) and
            issubclass(s, ctypes.Structure)]
    return {("struct " if s.__name__.startswith("Arrow") else "") + s.__name__: s for s in made}


def expected():
    lines = {}
    for name, s in structures().items():
        lines[f"sizeof({name})"] = ctypes.sizeof(s)
        for member, *_ in s._fields_:
            if not member.startswith("_"):
                lines[f"offsetof({name}, {member})"] = getattr(s, member).offset
                lines[f"sizeof((({name} *)0)->{member})"] = getattr(s, member).size
    for name, value in vars(mmoe).items():
        if any(name == c or c.endswith("_") and name.startswith(c) for c in CONSTANTS):
            lines[f"MMOE_{name}"] = value
    return lines


def main():
    wanted = expected()
    assert len(structures()) >= 20 and len(wanted) > 150, "the module's structures are not found"
    prints = "\n".join(f'printf("%lld\\n", (long long)({line}));' for line in wanted)
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/c.c", "w") as f:
            f.write("#include <mmoe/arrow.h>\n#include <stdio.h>\n"
                    f"int main(void) {{\n{prints}\nreturn 0;\n}}\n")
        subprocess.run([sys.argv[2], "-I", sys.argv[1], "-o", f"{folder}/c", f"{folder}/c.c"],
                       check=True)
        found = subprocess.run([f"{folder}/c"], stdout=subprocess.PIPE, check=True).stdout.split()
    wrong = [f"{line}: {value} in Python, {int(c)} in C"
             for (line, value), c in zip(wanted.items(), found) if value != int(c)]
    print("\n".join(wrong))
    print("not ok" if wrong else "ok", f"{len(wanted)} sizes, offsets and constants")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
