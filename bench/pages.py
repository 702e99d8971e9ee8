"""What the pages have in common that bench/compare and tools/paper-tables write."""
import os
import re
import statistics
import textwrap


def spread(values, form):
    """median [least to most]"""
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{form.format(middle)} [{form.format(least)} to {form.format(most)}]"


def filled(page):
    """Paragraphs and list entries in lines of at most 100 columns; tables, headings and fenced
    blocks as they are."""
    out, paragraph = [], []

    def flush():
        if paragraph:
            mark = re.match(r"(- |\d+\. )?", paragraph[0])[0]
            text = " ".join(line.strip() for line in paragraph)
            out.extend(textwrap.wrap(text, 100, subsequent_indent=" " * len(mark),
                                     break_long_words=False, break_on_hyphens=False))
            paragraph.clear()

    fenced = False
    for line in page.split("\n"):
        fence = line.startswith("```")
        if fence or fenced or not line.strip() or line[0] in "|#!":
            flush()
            out.append(line)
            fenced = fenced != fence
            continue
        if re.match(r"- |\d+\. ", line):
            flush()
        paragraph.append(line)
    flush()
    return "\n".join(out)


def table(head, rows, left=1):
    """Rows of cells below a head; but for the first `left` columns they stand to the right."""
    lines = [
        "| " + " | ".join(head) + " |",
        "|" + "|".join(" --- " if i < left else " ---: " for i in range(len(head))) + "|"
    ]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows])


def auc(value):
    """.94714, or - where there is none"""
    if value is None:
        return "-"
    text = f"{value:.5f}"
    return text[1:] if value < 1 else text


def replace_file(path, text):
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(temporary, path)


def count_of(number, what):
    return f"{number} {what}{'' if number == 1 else 's'}"


NOT_THERE = "not there"


def cell(values, form):
    """The spread of what was measured; `values` is empty where the program is not there."""
    return spread(values, form) if values else NOT_THERE


def number(value, form):
    return "" if value is None else form.format(value)


class Target:
    """What should come out: the median of `values` at most (or at least) `wanted`. None or no
    values: not measured."""

    def __init__(self, what, wanted, values, at_most=False):
        self.what, self.at_most, self.values = what, at_most, values
        self.wanted = f"at {'most' if at_most else 'least'} {wanted:g}"
        self.limit = wanted

    def shown(self):
        """In bold what falls short."""
        if not self.values:
            return "not measured"
        value = statistics.median(self.values)
        met = value <= self.limit if self.at_most else value >= self.limit
        return f"{value:.2f}" if met else f"**{value:.2f}**"
