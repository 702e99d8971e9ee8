"""The sections of RESULTS.md, in its order. Each module has HEADING, ABOUT (a paragraph),
measure(run) -> figures, which are kept as JSON, targets(figures) -> [Target], body(record) ->
tables; and why_not(run) -> why it cannot be measured, where that may be."""
from sections import (balancing, census, data, experts, lists, models, peers, ranks, reading,
                      serving, step, tables, wide, widths)

SECTIONS = {
    "peers": peers, "widths": widths, "census": census, "experts": experts, "models": models,
    "balancing": balancing, "wide": wide, "step": step, "serving": serving, "lists": lists,
    "tables": tables, "ranks": ranks, "reading": reading, "data": data
}
