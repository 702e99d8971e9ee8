"""What the pages have in common that bench/compare and tools/paper-tables write."""
import re
import textwrap


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
