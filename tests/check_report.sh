#!/bin/sh
# train --report: the page is whole whatever happens, says what the run did, and holds nothing but
# text, tables and drawings, whatever the names in the data are.
#
#     HEDDLE=build/heddle sh tests/check_report.sh
#
# What is in the pages is looked at with python3; without it only files and statuses are.

. "${HEDDLE_TESTS:-$(dirname "$0")}/cases.sh"
quick='--epochs 4 --hidden 12 --threads 1 -q'
d=builtin:digits
heddle convert builtin:xor xor.csv >/dev/null

# ---------------------------------------------------------------- the file

t 0 '^  --report FILE.html' - 'heddle train --help'
t 0 '^model ' - "heddle train $d $quick --report p.html"
holds 'the page is there' 'tail -n 1 p.html | grep -q "</html>"'
holds 'a report moves no bit' \
    "[ \"\$(heddle train $d $quick --report p.html | tail -n 1)\" = \
       \"\$(heddle train $d $quick | tail -n 1)\" ]"
t 0 '^model ' - "printf 'report = c.html\n' >c.conf; heddle train $d $quick --config c.conf"
holds 'a configuration can ask for it' '[ -s c.html ]'
t 2 - "cannot be '-'" "heddle train $d $quick --report -"
t 2 - "would overwrite the input 'xor.csv'" "heddle train xor.csv $quick --report xor.csv"
t 2 - 'are the same file' "heddle train $d $quick --report same -o same"
t 2 - 'are the same file' "heddle train $d $quick --report same --log same"
t 73 - "cannot create 'none/p.html'" "heddle train $d $quick --report none/p.html -o n.model"
holds 'an output that cannot be ends the run before it begins' '[ ! -e n.model ]'
t 74 '^model f.model' "cannot write '/dev/full'" \
    "heddle train $d $quick --report /dev/full -o f.model"
holds 'the model is there all the same' '[ -s f.model ]'
t 0 - - "heddle train $d $quick --report /dev/null >/dev/null"
t 0 'html' - "mkfifo pipe; cat pipe & heddle train $d $quick --report pipe >/dev/null; wait"
t 0 'dry run' - "heddle train $d $quick --dry-run --report dry.html"
t 65 - nosuch "heddle train $d $quick --target nosuch --report refused.html"
echo old >old.html
t 65 - nosuch "heddle train $d $quick --target nosuch --report old.html"
holds 'nothing is left by runs that did not train' \
    '! ls dry.html refused.html *.html.* 2>/dev/null && [ "$(cat old.html)" = old ]'
t 3 - 'diverged' "heddle train $d $quick --optimizer sgd --rate 1e6 --report div.html -o n.model"
holds 'a run that diverged leaves a page' 'grep -q "Diverged" div.html && [ ! -e n.model ]'

# ---------------------------------------------------------------- signals and resuming

long="$d --hidden 12 --optimizer adam --epochs 100000 --checkpoint r.ck --checkpoint-every 1e -q"
"$HEDDLE" train $long --report sig.html >sig.out 2>sig.err &
run=$!
tries=0
until [ -s r.ck ] || [ $tries = 200 ]; do
    sleep 0.05
    tries=$((tries + 1))
done
kill -TERM $run
wait $run
status=$?
t 0 - - "[ $status = 143 ]"
holds 'a signal leaves a page' 'grep -q "Ended by signal 15" sig.html && grep -q "r.ck" sig.html'
steps=$(sed -n 's/.*ended by signal 15 after step \([0-9]*\).*/\1/p' sig.err)
holds 'the run was interrupted' "[ '$steps' -gt 0 ]"
t 0 '^model ' - "heddle train $long --epochs \$(($steps / 26 + 20)) --resume auto --report res.html"
holds 'a resumed run says where its curves begin' \
    "grep -o 'checkpoint after update [0-9,]*' res.html | tr -d , | grep -q 'update $steps\$'"

# A run of 40 epochs in three: the first two leave a log.
parts="$d --hidden 12 --optimizer adam --report-every 2 --checkpoint l.ck --log l.jsonl -q"
heddle train $parts --epochs 10 --schedule constant >/dev/null
holds 'with the log of the process before, its reports are in the curves' \
    "heddle train $parts --epochs 20 --schedule constant --resume auto --report log.html >/dev/null &&
     grep -q 'after update 260; the reports before it are those of the log that was there.<' \
        log.html && grep -q '<td class=\"n\">52</td>' log.html"
holds 'a log that began later says so' \
    "sed -n '/\"resumed\": 260/,\$p' l.jsonl >later.jsonl && mv later.jsonl l.jsonl &&
     heddle train $parts --epochs 40 --schedule constant --resume auto --report log3.html >/dev/null &&
     grep -q 'after update 520; .* which began after update 260.<' log3.html"
holds 'the log of another run is of no use' \
    "heddle train $d --hidden 5 --epochs 2 --log l.jsonl -q >/dev/null && heddle train $parts \
        --epochs 42 --schedule constant --resume auto --report log4.html >/dev/null &&
     grep -q 'after update 1,040: the curves begin there' log4.html"
printf 'no log\n{' >l.jsonl
t 0 '^model ' - "heddle train $parts --epochs 44 --schedule constant --resume auto --report log5.html"

command -v python3 >/dev/null || { results; exit; }

# ---------------------------------------------------------------- what is in it

cat >page.py <<'E2'
"""page.py PAGE [JSON]: the page is well-formed, safe, and has the numbers of the JSON."""
import html.parser, json, re, sys
import xml.etree.ElementTree as tree

text = open(sys.argv[1], encoding='utf-8').read()
assert len(text.encode()) < 1000000, len(text)
root = tree.fromstring(text)
allowed = set('''html head meta title style body header main h1 h2 h3 p b small span div dl dt dd
    table thead tbody tr th td figure figcaption svg path text details summary pre code ul li bdi
    data'''.split())
names = {node.tag.split('}')[1] for node in root.iter()}
assert names <= allowed, names - allowed
for node in root.iter():
    for key, value in node.attrib.items():
        assert not key.startswith('on') and key not in ('src', 'href'), key
        if key == 'd':
            assert not re.search('[^-MLhv0-9. ]', value), value[:99]
style = root.find('.//{*}style').text
assert 'url(' not in style and '@import' not in style


class Reader(html.parser.HTMLParser):
    """A browser's view: the same elements, all of them closed."""
    def __init__(self):
        super().__init__()
        self.open, self.seen = [], 0

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen += 1

    def handle_startendtag(self, tag, attrs):
        self.seen += 1

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


reader = Reader()
reader.feed(text)
assert not reader.open and reader.seen == sum(1 for _ in root.iter())

if len(sys.argv) > 2:
    result = json.load(open(sys.argv[2]))
    value = {n.get('id'): n.get('value') for n in root.iter() if n.tag.endswith('}data')}
    for rows in 'validation', 'test':
        for key, number in (result[rows] or {}).items():
            if isinstance(number, float):
                assert float(value[f'{rows}-{key}']) == number, (rows, key)
    sha = [n.text for n in root.iter() if n.get('id') == 'model-sha256']
    assert sha == [result['sha256']]
    for rows in 'validation', 'test':
        matrix = (result[rows] or {}).get('confusion')
        if matrix and len(matrix) <= 40:
            table = [t for t in root.findall('.//{*}table') if (t.get('class') or '').startswith('matrix')]
            got = [[int((c.text or '0').replace(',', '')) for c in r.findall('{*}td')]
                   for t in table for r in t.find('{*}tbody')]
            assert all(row in got for row in matrix), got
E2
page() { python3 page.py "$@"; }

cat >same.py <<'E2'
"""same.py PAGE: print the command that makes the same model, and its sha256."""
import sys
import xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
print([n.text for n in root.findall('.//{*}pre')][1])
print([n.text for n in root.iter() if n.get('id') == 'model-sha256'][0])
E2
# same PAGE: the page's own command gives the page's model.
same() {
    python3 same.py "$1" >same.txt || return 1
    head -n 1 same.txt | sed "s|^heddle |\"\$HEDDLE\" |; s|\$| -q|" >same.sh
    [ "$(bash same.sh | tail -n 1 | cut -d' ' -f4)" = "$(tail -n 1 same.txt)" ]
}
# shows PAGE TEXT: the page shows the text.
shows() {
    python3 -c 'import sys, xml.etree.ElementTree as t
sys.exit(sys.argv[2] not in "".join(t.parse(sys.argv[1]).getroot().itertext()))' "$@"
}

for name in p div sig res; do
    holds "$name.html is a page" "page $name.html"
done
holds 'a page of classes has the numbers of --json' \
    "heddle train $d $quick --validation 0.2 --test $d --report p.html --json >p.json &&
     page p.html p.json && same p.html"
holds 'so has one of numbers' \
    "heddle train $d $quick --target p1,p2,p3 --task regress --validation 0.2 --test $d \
        --report n.html --json >n.json && page n.html n.json && same n.html && shows n.html p2"
holds 'so has the tutorial’s' \
    'heddle train builtin:xor --recipe tutorial --steps 3000 --report x.html --json >x.json &&
     page x.html x.json && same x.html && shows x.html iteration'
printf 'k,x,y\nred,1,a\n,2,b\nred,3,a\ngreen,4,b\n' >none.csv
holds 'a missing word is an input of its own' \
    "heddle train none.csv --epochs 2 --report none.html --json >none.json && page none.html none.json &&
     shows none.html 'one input a word: 2, and one for none'"
holds 'one whose --l2 was chosen says by what' \
    'heddle train builtin:spirals --epochs 40 --report l2.html --json >l2.json 2>err &&
     page l2.html l2.json && same l2.html && shows l2.html "by cross-validation: " && shows l2.html " % wrong and loss "'
holds 'folds are in it' \
    "heddle train $d $quick --cv 3 --report cv.html --json >cv.json && page cv.html cv.json &&
     same cv.html && shows cv.html 'Cross-validation, 3 folds'"
holds 'ranks are in it' \
    "heddle train $d $quick --search grid --epochs 1/2 --rate 1e-2,1e-3 --report s.html --json \
        >s.json && page s.html s.json && same s.html && shows s.html 'Search, 4 candidates' &&
     shows s.html -- '--epochs 2 --rate 1e-2'"
holds 'all is told of a run with --patience' \
    "heddle train $d --hidden 12 --epochs 60 --patience 2 --rate 0.02 --optimizer adam -q \
        --validation 0.2 --report pat.html --json >pat.json && page pat.html pat.json &&
     same pat.html && shows pat.html '--patience ended the run' && shows pat.html 'best epoch'"
holds 'of a run that diverged it says where' \
    'page div.html && shows div.html "diverged in step" && ! shows div.html "nan"'
holds 'no step left to do is a page too' \
    "heddle train $d $quick --checkpoint d.ck >/dev/null && heddle train $d $quick --checkpoint \
        d.ck --resume auto --report done.html >/dev/null && page done.html && ! shows done.html examples/s"
holds 'no epochs are one' "heddle train $d -q --epochs 0 --report 0.html >/dev/null && page 0.html"

# ---------------------------------------------------------------- hostile data

cat >hostile.py <<'E2'
"""Tables whose names are what a page must not obey, and very large ones."""
import os, random
names = ['<script>alert(1)</script>', '"><b>', "'", '&amp;', ']]>', '<!--', 'größe', '\u202eevil',
         'tab\there', 'a' * 5000, '\x01', 'style="x"', '</table>', '日本']
field = lambda text: '"' + text.replace('"', '""') + '"'
random.seed(1)
with open('names.csv', 'w', encoding='utf-8') as f:
    f.write(','.join(map(field, names + ['</pre><i>'])) + '\n')
    for i in range(200):
        f.write(','.join('%.3f' % random.random() for _ in names) + ',' +
                field(names[i % len(names)]) + '\n')
with open(b'b\xff\'<i>.csv', 'wb') as f:
    f.write(b'x,y\n')
    for i in range(60):
        f.write(b'%d,c%d\n' % (i % 7, i % 3))
with open('wide.csv', 'w') as f:
    f.write(','.join('column-%d-%s' % (i, 'x' * 40) for i in range(10000)) + ',y\n')
    for i in range(40):
        f.write(','.join(str((i * k) % 11) for k in range(10000)) + ',%s\n' % 'ab'[i % 2])
with open('many.csv', 'w') as f:
    f.write('a,b,y\n')
    for i in range(3000):
        f.write('%d,%d,class-%04d-%s\n' % (i % 1000, i % 7, i % 1000, '<' * 60))
E2
python3 hostile.py
holds 'names are shown, not obeyed' \
    "heddle train names.csv $quick --report '<i>&.html' --validation 0.2 --json >h.json &&
     page '<i>&.html' h.json && same '<i>&.html' &&
     shows '<i>&.html' '<script>alert(1)</script>' && shows '<i>&.html' ']]>'"
holds 'bytes that are no UTF-8 are shown, and can be typed' \
    'f=$(printf "b\377'\''<i>.csv"); heddle train "$f" --epochs 3 --report bytes.html -q >/dev/null &&
     page bytes.html && same bytes.html'
holds 'ten thousand columns are cut' \
    "heddle train wide.csv $quick --report wide.html >/dev/null && page wide.html &&
     shows wide.html '100 of 10,001 columns'"
holds 'a thousand classes are cut' \
    "heddle train many.csv $quick --validation 0.3 --report many.html >/dev/null &&
     page many.html && shows many.html 'of 1000 with the lowest F1' &&
     shows many.html 'Commonest mistakes'"
holds 'so is a long command' \
    'x=$(printf "%0100000d" 0); heddle train xor.csv --epochs 1 --report long.html -q --drop "" \
        --log "$(printf "%0200d" 0)" --config /dev/null --seed "$(printf "%05000d" 7)" >/dev/null &&
     page long.html'
holds 'many reports are cut' \
    'heddle train builtin:xor --recipe tutorial --report-every 1 --progress never --steps 20000 \
        --report every.html >/dev/null && page every.html && shows every.html "of 20,000 reports"'

results
