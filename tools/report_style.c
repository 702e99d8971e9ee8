#include "report_html.h"

/* The colours are Okabe and Ito's, which the colour-blind tell apart, lighter on dark ground; a
 * series' dashes differ too. */
static const char *const rules[] = {
    ":root{color-scheme:light dark;--page:#f6f7f8;--card:#fff;--text:#1b1f23;--dim:#57606a;"
    "--line:#d5dade;--grid:#e6e9ec;",
    "--heat:0 95 160;--warn:#8a3b00;--c0:#0072b2;--c1:#d55e00;--c2:#008a64;--c3:#b0508a;"
    "--c4:#a97500;--c5:#2f86b5;--c6:#555c63}",
    "@media screen and (prefers-color-scheme:dark){:root{",
    "--page:#111417;--card:#1a1e22;--text:#e4e7ea;--dim:#a2abb4;--line:#3a4148;--grid:#2b3036;",
    "--heat:60 150 215;--warn:#ffb27a;--c0:#56a9e0;--c1:#f28b4b;--c2:#2fc398;--c3:#e394c4;"
    "--c4:#e6b23c;--c5:#8fd0f5;--c6:#b4bcc4}}",

    "*{box-sizing:border-box}",
    "html{-webkit-text-size-adjust:100%;text-size-adjust:100%}",
    "body,svg text{font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,"
    "\"Liberation Sans\",Arial,sans-serif}",
    "body{margin:0;background:var(--page);color:var(--text);font-size:15px;line-height:1.45}",
    "main,header,footer{max-width:1192px;margin:0 auto;padding:0 20px}",
    "header{padding-top:24px}",
    "h1{font-size:1.6rem;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}",
    "h2{font-size:1.2rem;margin:36px 0 4px;padding-top:10px;border-top:2px solid var(--line)}",
    "h3{font-size:.95rem;margin:0;overflow-wrap:anywhere}",
    "p{margin:4px 0;max-width:80ch;overflow-wrap:anywhere}",
    ".dim,figcaption p,footer{color:var(--dim)}",
    "figcaption p,footer,.legend,.dim{font-size:.84rem}",
    "footer{margin-top:36px;padding-bottom:28px}",
    "details{margin:12px 0}",
    "summary{cursor:pointer;color:var(--c0)}",
    ".notice{border-left:4px solid var(--warn);background:var(--card);padding:8px 12px;"
    "margin:10px 0;max-width:none}",
    ".notice strong{color:var(--warn)}",

    "dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,270px),1fr));"
    "gap:10px 20px;margin:16px 0}",
    "dl.keys{gap:1px 20px;margin:8px 0}",
    "dl.keys div{display:flex;justify-content:space-between;align-items:baseline;gap:10px;"
    "border-bottom:1px solid var(--grid)}",
    "dl.keys dd{text-align:right}",
    "dt{color:var(--dim);font-size:.84rem}",
    "dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}",

    ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,330px),1fr));"
    "gap:16px;margin:14px 0}",
    ".loose{align-items:start}",
    ".parts{display:flex;flex-wrap:wrap;align-items:flex-start;gap:16px;margin:14px 0}",
    ".parts>figure{flex:0 1 372px}",
    ".parts>.table,.parts>.wide{flex:0 1 auto;margin:0;max-width:100%}",
    "figure{display:flex;flex-direction:column;margin:0;padding:12px;min-width:0;"
    "background:var(--card);border:1px solid var(--line);border-radius:4px}",
    "figure>svg{display:block;width:100%;max-width:460px;height:auto;margin-top:auto}",
    "figure>svg.top{margin-top:6px;margin-bottom:auto}",
    "figure .box{overflow-x:auto;max-width:100%;margin:6px 0 0}",
    "figure .box>svg{display:block}",
    "figure.wide{width:fit-content;max-width:100%}",
    ".legend{display:flex;flex-wrap:wrap;gap:2px 14px;list-style:none;margin:6px 0;padding:0}",
    ".legend li{min-width:0;max-width:100%;overflow-wrap:anywhere}",
    ".legend svg{width:30px;height:10px;vertical-align:middle;margin-right:5px}",

    "svg text{font-size:12px;fill:var(--text);font-variant-numeric:tabular-nums}",
    "svg .tick{fill:var(--dim)}",
    "svg .axis{stroke:var(--dim);fill:none}",
    "svg .gridline,svg .cell{stroke:var(--grid);fill:none}",
    "svg .mark{stroke:var(--dim);stroke-dasharray:2 3}",
    "svg path.level{stroke:var(--warn);stroke-width:1.4;stroke-dasharray:7 4}",
    "svg text.level{fill:var(--warn)}",
    "svg .marked{fill:var(--text)}",
    ".worse{color:var(--warn);font-weight:600}",
    "svg .heat{fill:rgb(var(--heat))}",
    "svg .series{fill:none;stroke-width:1.8;stroke-linejoin:round}",
    ".s0{stroke:var(--c0)}",
    ".s1{stroke:var(--c1);stroke-dasharray:6 3}",
    ".s2{stroke:var(--c2);stroke-dasharray:2 2}",
    ".s3{stroke:var(--c3);stroke-dasharray:9 3 2 3}",
    ".s4{stroke:var(--c4);stroke-dasharray:12 4}",
    ".s5{stroke:var(--c5);stroke-dasharray:4 2 1 2}",
    ".s6{stroke:var(--c6);stroke-dasharray:1 3}",
    "svg .dot{stroke-dasharray:none;stroke-width:1.2;fill:var(--card)}",

    "figure.table{width:fit-content;max-width:100%;margin:14px 0}",
    /* it does not widen its figure beyond the table */
    "figure.table figcaption{width:0;min-width:100%}",
    ".grid>figure.table{width:auto;margin:0}",
    ".parts>figure.table{margin:0}",
    "table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}",
    ".grid table{width:100%}",
    "th,td{padding:4px 7px;border-top:1px solid var(--grid);text-align:left;white-space:nowrap}",
    "thead th{color:var(--dim);font-weight:600;border-top:0;vertical-align:bottom}",
    "thead span{display:inline-block;max-width:11em;overflow-wrap:break-word;white-space:normal}",
    "tbody th{font-weight:400}",
    ".n{text-align:right}",
    "tr.best>*{font-weight:600}",
    "td.bar{min-width:110px}",

    "@media(max-width:560px){main,header,footer{padding-left:12px;padding-right:12px}"
    "figure{padding:9px}h1{font-size:1.3rem}",
    "dl:not(.keys){grid-template-columns:1fr 1fr}th,td{padding:4px 6px}"
    "td:not(.n){white-space:normal}",
    "tbody th:not(.n){white-space:normal;overflow-wrap:anywhere;min-width:9em}"
    "td.bar{min-width:76px}}",

    "@media print{:root{color-scheme:light;--page:#fff;--text:#000;--dim:#444}"
    "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}",
    "body{font-size:12px}figure,tr{break-inside:avoid}h2,h2+p,figcaption{break-after:avoid}"
    ".grid{grid-template-columns:1fr 1fr}",
    "details::details-content{content-visibility:visible;block-size:auto}summary{list-style:none}}",
};

void cli_html_style(FILE *out) {
    fputs("<style>\n", out);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) fprintf(out, "%s\n", rules[i]);
    fputs("</style>\n", out);
}
