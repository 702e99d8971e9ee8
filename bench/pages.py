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


def replace_section(path, section):
    """In the place of the one of its heading, or before the commands."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    heading = re.escape(section.split("\n")[0])
    old = re.search(rf"^{heading}\n.*?(?=^## |\Z)", text, re.M | re.S)
    commands = re.search(r"^## Commands$", text, re.M)
    begin, end = old.span() if old else 2 * (commands.start() if commands else len(text),)
    rest = text[end:]
    replace_file(path, text[:begin] + filled(section) + ("\n" + rest if rest else ""))
