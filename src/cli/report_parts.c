/** report_parts: what the parts of a report's page share, and its style; see report_parts.h. */
#include <math.h>

#include "report_parts.h"

json_t *member(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(member(object, key));
    return text != NULL ? text : "";
}

double number_of(const json_t *object, const char *key)
{
    const json_t *value = member(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

uint64_t count_of(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(member(object, key));
}

bool true_of(const json_t *object, const char *key)
{
    return json_is_true(member(object, key));
}

/* Light, dark on a screen that wants it, and light again on paper. */
const char report_style[] =
    ":root{color-scheme:light;--page:#fff;--ink:#1c2126;--dim:#5b6670;--rule:#d8dde3;"
    "--soft:#f3f5f7;--a:#1f63c6;--b:#c8500a;--c:#2a7d46;--bad:#b3261e;--right:31 99 198;"
    "--wrong:200 80 10}\n"
    "@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;--page:#14171a;"
    "--ink:#e3e7eb;--dim:#98a3ad;--rule:#343b43;--soft:#1d2125;--a:#79aef8;--b:#f6a15d;"
    "--c:#6fc98d;--bad:#ff8a80;--right:95 155 240;--wrong:240 130 50}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:1.5rem 1.25rem 3rem;max-width:68rem;background:var(--page);"
    "color:var(--ink);font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",\"Noto Sans\","
    "\"DejaVu Sans\",sans-serif}\n"
    "h1{margin:0;font-size:1.6rem;line-height:1.25;overflow-wrap:anywhere}\n"
    "h2{margin:2.4rem 0 .8rem;padding-bottom:.3rem;border-bottom:1px solid var(--rule);"
    "font-size:1.2rem}\n"
    "h3{margin:1.4rem 0 .5rem;font-size:1rem}\n"
    "p{margin:.5rem 0;max-width:52rem;overflow-wrap:anywhere}\n"
    "small,.dim,.sub{color:var(--dim)}\n"
    "code,pre{font:13px/1.5 ui-monospace,\"DejaVu Sans Mono\",Menlo,Consolas,monospace}\n"
    "code{overflow-wrap:anywhere}\n"
    "pre{margin:.4rem 0;padding:.6rem .8rem;background:var(--soft);border-radius:6px;"
    "white-space:pre-wrap;overflow-wrap:anywhere}\n"
    ".status{margin:1rem 0;padding:.6rem .9rem;border-left:4px solid var(--a);"
    "background:var(--soft);border-radius:0 6px 6px 0;max-width:none}\n"
    ".status.bad{border-color:var(--bad)}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));"
    "gap:.7rem;margin:1.2rem 0}\n"
    ".tiles div{padding:.6rem .8rem;background:var(--soft);border-radius:8px}\n"
    ".tiles dt{font-size:.8rem;color:var(--dim)}\n"
    ".tiles dd{margin:0;font-size:1.3rem;font-weight:600;overflow-wrap:anywhere}\n"
    ".tiles small{display:block;font-size:.78rem;font-weight:400}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));"
    "gap:1rem 1.5rem;align-items:end}\n"
    "figure{margin:0;max-width:27rem;break-inside:avoid}\n"
    "figcaption small{margin-left:.7rem}\n"
    "figcaption{margin-bottom:.2rem}\n"
    ".key{margin-left:.7rem;font-size:.85rem;white-space:nowrap}\n"
    ".key::before{content:\"\";display:inline-block;width:1.1em;margin-right:.35em;"
    "vertical-align:.25em;border-top:3px solid currentColor}\n"
    ".key.mark::before{border-top-style:dashed;border-top-width:2px}\n"
    ".key.a{color:var(--a)}.key.b{color:var(--b)}.key.c{color:var(--c)}.key.mark{color:var(--dim)}"
    "\n"
    "svg{display:block;width:100%;height:auto;overflow:visible}\n"
    "svg svg{overflow:hidden}\n"
    "svg text{fill:var(--dim);font-size:13px}\n"
    "svg path{fill:none}\n"
    ".grid{stroke:var(--rule)}.axis{stroke:var(--dim)}\n"
    ".mark{stroke:var(--dim);stroke-width:1.5;stroke-dasharray:5 4}\n"
    ".line{stroke-width:2;stroke-linejoin:round}\n"
    ".dots{stroke-width:4;stroke-linecap:round;stroke-opacity:.55}\n"
    ".dots.large{stroke-width:6;stroke-opacity:1}\n"
    "path.a{stroke:var(--a)}path.b{stroke:var(--b)}path.c{stroke:var(--c)}\n"
    ".wide{overflow-x:auto;max-width:100%}\n"
    "table{border-collapse:collapse;margin:.5rem 0;font-size:.9rem;"
    "font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.22rem .7rem .22rem 0;text-align:left;vertical-align:top;"
    "unicode-bidi:isolate}\n"
    "td{max-width:24rem}bdi{overflow-wrap:anywhere}\n"
    "th{font-weight:600;color:var(--dim)}\n"
    "tbody tr{border-top:1px solid var(--rule)}\n"
    ".n{text-align:right;padding-left:.7rem}.n,.whole{white-space:nowrap}\n"
    ".long{overflow-wrap:anywhere;min-width:10rem;max-width:34rem}\n"
    ".pair td:first-child{color:var(--dim);white-space:nowrap;padding-right:1.5rem}\n"
    ".bar{display:inline-block;height:.6em;background:var(--a);border-radius:2px;opacity:.75}\n"
    ".matrix{border-collapse:separate;border-spacing:1px;font-size:.82rem}\n"
    ".matrix tr{border:0}\n"
    ".matrix td{min-width:1.9rem;padding:.2rem .25rem;text-align:right;background:var(--soft)}\n"
    ".matrix th{padding:.2rem .35rem;text-align:right;white-space:nowrap;max-width:12rem;"
    "overflow:hidden;text-overflow:ellipsis}\n"
    ".matrix .up th{vertical-align:bottom}\n"
    ".matrix .up span{writing-mode:vertical-rl;transform:rotate(180deg);max-height:9rem;"
    "overflow:hidden;text-align:left}\n"
    ".matrix .r{background:rgb(var(--right)/var(--p))}\n"
    ".matrix .w{background:rgb(var(--wrong)/var(--p))}\n"
    ".matrix tbody tr:hover td,.matrix tbody tr:hover th{outline:1px solid var(--dim)}\n"
    ".many{font-size:.7rem}.many td{min-width:1.35rem;padding:.1rem .15rem}"
    ".many th{padding:.1rem .2rem}\n"
    ".columns{display:flex;flex-wrap:wrap;gap:0 3rem}.columns>div{min-width:0;max-width:100%}"
    ".columns>.full{flex:1 0 100%}\n"
    "details{margin:1rem 0}summary{cursor:pointer;color:var(--a);font-weight:600}\n"
    "footer{margin-top:3rem;color:var(--dim);font-size:.85rem}\n"
    "@media (max-width:30rem){body{padding:1rem .75rem 2rem;font-size:14px}.columns{gap:0}"
    "h1{font-size:1.3rem}}\n"
    "@media print{body{max-width:none;padding:0;font-size:11px;"
    "print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    ".figures{grid-template-columns:1fr 1fr 1fr}h2,h3{break-after:avoid}tr,.tiles div{"
    "break-inside:avoid}.wide{overflow:visible}}\n";
