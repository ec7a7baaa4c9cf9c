# Checks the rules of the house in src/: who may include whom, and what may be called only in one
# place. Called by `make layers` with  -v allowed='room:other,other ...'  and the files.
#
# Comments, strings and character constants are blanked first, so words in them do not count.
# POSIX awk: Debian's is mawk.

BEGIN {
    n = split(allowed, rooms, " ")
    for (i = 1; i <= n; i++) {
        split(rooms[i], pair, ":")
        known[pair[1]] = 1
        m = split(pair[2], others, ",")
        for (j = 1; j <= m; j++)
            may[pair[1], others[j]] = 1
    }
    words("printf fprintf vprintf vfprintf dprintf puts putchar fputs perror exit _exit abort",
          "cli/", "only cli/ prints and ends the process")
    # cli/ sees only heddle.h, so it has no other way to allocate, read numbers or write files.
    words("malloc calloc realloc reallocarray aligned_alloc posix_memalign strdup strndup free",
          "base/memory.c cli/", "only base/memory.c allocates")
    words("rename renameat", "base/file_write.c cli/", "only base/file_write.c writes files")
    words("strtod strtof strtold", "base/text.c base/text_print.c cli/", "depends on the locale: see base/text.h")
    words("atof scanf sscanf fscanf sprintf vsprintf system mktemp", "", "unsafe")
    words("reduction", "", "sums have one fixed order: no OpenMP reduction")
}

function words(list, where, why,    w, k, i) {
    k = split(list, w, " ")
    for (i = 1; i <= k; i++) {
        banned[w[i]] = why
        except[w[i]] = where
    }
}

# Is the file one of those (or in one of the folders) named in the list?
function excepted(list,    w, k, i) {
    k = split(list, w, " ")
    for (i = 1; i <= k; i++)
        if (index(place, w[i]) == 1)
            return 1
    return 0
}

function wrong(text) {
    print FILENAME ":" FNR ": " text
    bad = 1
}

# The line without comments and with strings emptied; in_comment lives from line to line.
function strip(line,    out, c, two, quote) {
    out = ""
    while (line != "") {
        two = substr(line, 1, 2)
        c = substr(line, 1, 1)
        if (in_comment) {
            if (two == "*/") {
                in_comment = 0
                line = substr(line, 3)
                out = out " "
            } else
                line = substr(line, 2)
        } else if (two == "/*") {
            in_comment = 1
            line = substr(line, 3)
        } else if (two == "//")
            return out
        else if (c == "\"" || c == "'") {
            quote = c
            line = substr(line, 2)
            while (line != "" && substr(line, 1, 1) != quote)
                line = substr(line, substr(line, 1, 1) == "\\" ? 3 : 2)
            line = substr(line, 2)
            out = out quote quote
        } else {
            out = out c
            line = substr(line, 2)
        }
    }
    return out
}

FNR == 1 {
    in_comment = 0
    place = FILENAME
    sub(/^.*src\//, "", place)
    room = place
    sub(/\/.*/, "", room)
    if (!(room in known))
        wrong("no rule for room '" room "' in the Makefile")
}

/^[ \t]*#[ \t]*include[ \t]*"/ && !in_comment {
    target = $0
    sub(/^[^"]*"/, "", target)
    sub(/".*/, "", target)
    if (target == "heddle.h")
        next
    other = target
    if (!sub(/\/.*/, "", other)) {
        if (room != "cli")
            wrong("write #include \"" room "/" target "\": a header is named with its room")
    } else if (room == "cli" || (other != room && !((room, other) in may)))
        wrong("room '" room "' may not include '" target "'")
    next
}

{
    code = strip($0)
    if (code ~ /omp[ \t]+parallel/ && place != "machine/team.c")
        wrong("omp parallel: only machine/team.c starts threads")
    if (code ~ /MPI_SUM/)
        wrong("MPI_SUM: sums have one fixed order")
    rest = code
    while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
        name = substr(rest, RSTART, RLENGTH - 1)
        before = RSTART > 1 ? substr(rest, RSTART - 1, 1) : " "
        rest = substr(rest, RSTART + RLENGTH)
        sub(/[ \t]+$/, "", name)
        if ((name in banned) && before !~ /[0-9.>]/ && !excepted(except[name]))
            wrong(name "(): " banned[name])
    }
}

END { exit bad }
