#!/bin/sh
# Power loss while checkpoints are saved: from the system calls of a run that saves several, all that
# a disk may hold after the power is gone is laid out, and the run must go on from each to the same
# bytes. What was written and not yet synchronised may be there, missing, cut or have holes of zeros;
# of the changes to the directory since it was synchronised any may be missing. To see that the check
# sees anything, the same is done with the synchronisation of files left out of the record: then some
# checkpoints must be damaged. Needs strace and python3.
#
#     HEDDLE=build/heddle sh tests/check_power.sh

. "${HEDDLE_TESTS:-$(dirname "$0")}/cases.sh"

if ! command -v python3 >/dev/null || ! strace -o /dev/null true 2>/dev/null ||
    grep -q __asan_init "$HEDDLE"; then
    echo "skipped: needs strace, python3 and a program without sanitizers"
    exit 0
fi
run="builtin:digits --hidden 12 --batch 512 --epochs 4 --threads 1 -q"
# shellcheck disable=SC2086
heddle train $run -o whole.model >/dev/null || exit 1
mkdir saved
cd saved || exit 1
# shellcheck disable=SC2086
heddle train $run --time-limit 1e-9 --checkpoint c >/dev/null || exit 1
cp c ../first
# shellcheck disable=SC2086
strace -f -xx -s 1000000 -o ../calls -e trace=openat,write,fsync,renameat,linkat,unlinkat \
    "$HEDDLE" train $run --resume auto --checkpoint c --checkpoint-every 3 >/dev/null 2>&1
cd .. || exit 1

cat >power.py <<'END'
import itertools, os, random, re, shutil, subprocess, sys

heddle, run, synchronised = sys.argv[1], sys.argv[2].split(), sys.argv[3] == "synchronised"
rng = random.Random(1)


def text(quoted):
    return bytes(int(h, 16) for h in re.findall(r"\\x(..)", quoted))


def events():
    """(what, …) of every call that changed the directory or a file of ours."""
    files, unfinished = {}, {}
    for line in open("calls"):
        pid, call = line.rstrip("\n").split(None, 1)
        if call.endswith("<unfinished ...>"):
            unfinished[pid] = call[: -len("<unfinished ...>")]
            continue
        if call.startswith("<..."):
            call = unfinished.pop(pid) + call.split("resumed>", 1)[1]
        m = re.match(r"(\w+)\((.*)\)\s+= (-?\d+)", call)
        if not m or int(m[3]) < 0:
            continue
        name, result = m[1], int(m[3])
        words = [text(w) for w in re.findall(r'"((?:\\x..)*)"', m[2])]
        fd = re.match(r"(\d+)", m[2])
        if name == "openat":
            files.pop(result, None)
            if words[0].startswith(b".heddle-") and "O_CREAT" in m[2]:
                files[result] = words[0]
                yield ("create", words[0])
            elif words[0] == b".":
                files[result] = None
        elif name == "write" and files.get(int(fd[1])):
            yield ("write", files[int(fd[1])], words[0][:result])
        elif name == "fsync" and int(fd[1]) in files:
            yield ("fsync", files[int(fd[1])])
        elif name in ("renameat", "linkat"):
            yield (name[:-2], words[0], words[1])
        elif name == "unlinkat":
            yield ("unlink", words[0])


class File:
    def __init__(self, data=b"", safe=0):
        self.data, self.safe = data, safe  # so many bytes are on the disk for sure

    def states(self):
        """What the disk may hold of it."""
        all, safe = self.data, self.safe
        if safe == len(all):
            return [all]
        holes = bytearray(all)
        for b in range(safe, len(all), 512):
            if rng.random() < 0.5:
                holes[b : b + 512] = bytes(len(holes[b : b + 512]))
        cut = rng.randrange(safe, len(all)) // 512 * 512
        return [all, all[:safe], all[: max(cut, safe)], bytes(holes)]


def after(names, changes):
    """The directory after the changes, as far as they can be made."""
    names = dict(names)
    for what, old, new in changes:
        if what == "create":
            names[old] = new
        elif old in names and what == "link":
            names[new] = names[old]
        elif old in names and what == "rename":
            names[new] = names.pop(old)
        elif what == "unlink":
            names.pop(old, None)
    return names


def disks():
    """Every directory, name: bytes, that may be found when the power is back."""
    safe, pending = {b"c": File(open("first", "rb").read(), 1 << 60)}, []
    safe[b"c"].safe = len(safe[b"c"].data)
    live = {}
    for event in events():
        what, name = event[:2]
        if what == "create":
            live[name] = File()
            pending.append((what, name, live[name]))
        elif what == "write":
            live[name].data += event[2]
        elif what == "fsync" and name:
            live[name].safe = len(live[name].data) if synchronised else 0
        elif what == "fsync":
            safe, pending = after(safe, pending), []
        else:
            pending.append((what, name, event[2] if len(event) > 2 else None))
            if what == "rename" and name in live:
                live[event[2]] = live.pop(name)
        for keep in itertools.product((True, False), repeat=len(pending)):
            names = after(safe, [p for p, k in zip(pending, keep) if k])
            files = sorted(set(names.values()), key=id)
            for contents in itertools.product(*(f.states() for f in files)):
                held = dict(zip(files, contents))
                yield {n: held[f] for n, f in names.items()}


def goes_on(disk):
    shutil.rmtree("disk", ignore_errors=True)
    os.mkdir("disk")
    for name, data in disk.items():
        with open(os.path.join(b"disk", name), "wb") as f:
            f.write(data)
    command = [heddle, "train", *run, "--resume", "auto", "--checkpoint", "c", "-o", "model"]
    if b"c" not in disk or subprocess.run(command, cwd="disk", capture_output=True).returncode:
        return False
    return open("disk/model", "rb").read() == open("whole.model", "rb").read()


seen, lost = set(), 0
for disk in disks():
    key = frozenset((n, hash(d)) for n, d in disk.items())
    if key not in seen:
        seen.add(key)
        lost += not goes_on(disk)
    if not synchronised and lost >= 20:
        break
print(len(seen), lost)
END

# states WAY: how many states there are, and how many of them lost the run
states() {
    python3 power.py "$HEDDLE" "$run" "$1"
}
counts=$(states synchronised) || exit 1
holds "runs are lost: $counts" '[ "${counts#* }" = 0 ] && [ "${counts% *}" -ge 100 ]'
unsafe=$(states unsynchronised) || exit 1
holds "nothing is lost without fsync: $unsafe" '[ "${unsafe#* }" -ge 20 ]'
echo "${counts% *} states of the disk; without fsync ${unsafe#* } of the first ${unsafe% *} lose the run"
results
