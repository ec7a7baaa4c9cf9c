/**
 * Files that lie, are damaged or are nothing of the kind, each with a verdict, given to heddle one
 * by one: refused with a message and status 65 or 71 before anything is trained, in at most 32 MiB
 * and twice the file's size. Some that only look odd are to be taken.
 *
 *     program_hostile HEDDLE DIRECTORY
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#if defined(__SANITIZE_ADDRESS__)
enum { MEASURES = 0 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { MEASURES = 0 };
#else
enum { MEASURES = 1 };
#endif
#else
enum { MEASURES = 1 };
#endif

enum { ROOM = 1 << 20 };

static const char *heddle, *directory;
static unsigned files, wrong;
static double slowest;
static long largest;   /* KiB, the allowances taken off */
static long allowance; /* KiB that may be taken besides */
static unsigned char bytes[ROOM];
static size_t length;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Give the bytes to heddle; taken: they are to be trained on. */
static void judge(const char *name, bool taken)
{
    char path[600], message[600], text[600] = "";
    snprintf(path, sizeof path, "%s/%03u-%s", directory, files++, name);
    snprintf(message, sizeof message, "%s/message", directory);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, length, file) != length || fclose(file) != 0) {
        perror(path);
        exit(2);
    }
    double began = now();
    pid_t child = fork();
    if (child == 0) {
        int out = open(message, O_CREAT | O_TRUNC | O_WRONLY, 0600),
            null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(out, 2);
        execl(heddle, heddle, "train", path, "--epochs", "1", "--hidden", "2", "--quiet",
              "--threads", "1", "--max-memory", "64M", (char *)NULL);
        _exit(127);
    }
    int status = 0;
    struct rusage usage = {0};
    while (wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    double seconds = now() - began;
    file = fopen(message, "rb");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[n] = '\0';
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    bool right =
        taken ? code == 0 : (code == 65 || code == 71) && strncmp(text, "heddle: ", 8) == 0;
    long kib = usage.ru_maxrss - (long)(2 * length / 1024) - allowance;
    if (!taken) {
        slowest = seconds > slowest ? seconds : slowest;
        largest = kib > largest ? kib : largest;
        right = right && (!MEASURES || kib <= 32 * 1024);
    }
    if (!right) {
        wrong++;
        printf("%s: status %d, %ld KiB, %.3f s: %s\n", path, code, usage.ru_maxrss, seconds, text);
    }
    if (right)
        unlink(path);
}

static void begin(void)
{
    length = 0;
}

static void add(const void *data, size_t n)
{
    memcpy(bytes + length, data, n);
    length += n;
}

static void add_text(const char *text)
{
    add(text, strlen(text));
}

static void add_number(uint64_t number, size_t size, bool big)
{
    for (size_t i = 0; i < size; i++)
        bytes[length++] = (unsigned char)(number >> 8 * (big ? size - 1 - i : i));
}

static void text_file(const char *name, const char *text, bool taken)
{
    begin();
    add_text(text);
    judge(name, taken);
}

/* ------------------------------------------------------------------ formats ----------------- */

static void idx(void)
{
    static const uint64_t sizes[] = {0,          1,          2,          4,          255,
                                     0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x10000};
    for (unsigned field = 0; field < 3; field++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            uint64_t shape[3] = {3, 5, 5};
            shape[field] = sizes[i];
            begin();
            add("\0\0\10\3", 4);
            for (unsigned r = 0; r < 3; r++)
                add_number(shape[r], 4, true);
            memset(bytes + length, 7, 75);
            length += 75;
            judge("idx-size", false);
        }
    for (unsigned type = 0; type < 18; type++) { /* of a size that fits none */
        begin();
        add_number(type << 8 | 2, 4, true);
        add_number(7, 4, true);
        add_number(3, 4, true);
        memset(bytes + length, 1, 23);
        length += 23;
        judge("idx-type", false);
    }
    static const unsigned ranks[] = {0, 4, 17, 100, 255};
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
        begin();
        add_number(0x800 | ranks[i], 4, true);
        for (size_t k = 0; k < 40; k++)
            add_number(0x10000, 4, true);
        judge("idx-rank", false);
    }
}

static void npy(const char *descr, const char *shape, int version, long header_more, size_t data)
{
    char header[400];
    int n = snprintf(header, sizeof header,
                     "{'descr': %s, 'fortran_order': False, 'shape': %s, }\n", descr, shape);
    begin();
    add("\x93NUMPY", 6);
    add_number((uint64_t)version, 1, false);
    add_number(0, 1, false);
    add_number((uint64_t)(n + header_more), version == 1 ? 2 : 4, false);
    add(header, (size_t)n);
    memset(bytes + length, 0, data);
    length += data;
    judge("npy", false);
}

static void all_npy(void)
{
    static const char *const shapes[] = {"(0,)",
                                         "(0, 3)",
                                         "(3, 0)",
                                         "(5, 3)",
                                         "(3, 5)",
                                         "(4294967296, 4294967296)",
                                         "(9223372036854775807,)",
                                         "(9223372036854775808, 2)",
                                         "(18446744073709551615, 1)",
                                         "(18446744073709551616, 1)",
                                         "(2305843009213693952, 8)",
                                         "(-1, 4)",
                                         "(4, -4)",
                                         "(4, 4",
                                         "4, 4",
                                         "()",
                                         "(4 4)",
                                         "('4', 4)",
                                         "(4.0, 4)",
                                         "(0x4, 4)",
                                         "(1e3, 4)",
                                         "None",
                                         "[4, 4]",
                                         "(4,,4)",
                                         "(1, 4294967295)",
                                         "(4294967295, 1)",
                                         "(2, 2, 2, 2, 2)",
                                         "(65536, 65536, 65536, 65536)",
                                         "(4, 4, 18446744073709551615)"};
    static const char *const types[] = {
        "'O'",       "'|O'",   "'<U4'",   "'|S3'",  "'<c8'",          "'<f16'",
        "'<M8[ns]'", "'<m8'",  "''",      "'f'",    "'<f3'",          "'<i16'",
        "'<u0'",     "'|V8'",  "8",       "None",   "[('a', '<f4')]", "('<f4', (2,))",
        "'<f8",      "'>>f8'", "'\\x00'", "'<f88'", "{'a': 1}"};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        npy("'<f8'", shapes[i], 1, 0, 128);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        npy(types[i], "(4, 4)", 1, 0, 128);
    static const int versions[] = {0, 4, 9, 255};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        npy("'<f8'", "(4, 4)", versions[i], 0, 128);
    static const long more[] = {-60, -5, 1, 100, 129, 5000, 65000};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        npy("'<f8'", "(4, 4)", 1, more[i] > 0 && more[i] < 129 ? more[i] : more[i], 128);
    npy("'<f8'", "(4, 4)", 2, 0x7fffff00, 128);
    npy("'<f8'", "(4, 4)", 3, 0xfffffe00L, 128);
    static const size_t data[] = {0, 1, 127, 129, 256};
    for (size_t i = 0; i < sizeof data / sizeof *data; i++)
        npy("'<f8'", "(4, 4)", 1, 0, data[i]);
    for (size_t n = 6; n < 70; n += 7) { /* cut */
        begin();
        add("\x93NUMPY\1\0\72\0{'descr': '<f8', 'fortran_order': False, 'shape': (4, 4), }\n", 70);
        length = n;
        judge("npy-cut", false);
    }
}

static void texts(void)
{
    static const char *const svm[] = {"1 4000000000:1\n2 1:1\n",
                                      "1 18446744073709551616:1\n",
                                      "1 -1:2\n",
                                      "1 1:2 1:3\n",
                                      "1 5:1 3:1\n",
                                      "1 1:\n2 1:1\n",
                                      "1 1:x\n2 1:1\n",
                                      "1 1:inf\n0 1:1\n",
                                      "1 1000000:1\n1 1:1\n",
                                      "x 1:1\n2 2:2\n"};
    static const char *const fann[] = {"4000000000 2 1\n1 2\n3\n",
                                       "18446744073709551615 2 1\n1 2\n3\n",
                                       "1 18446744073709551615 1\n1 2\n3\n",
                                       "2 9223372036854775807 9223372036854775809\n1 2\n3\n",
                                       "0 2 1\n1 2\n3 4\n5\n",
                                       "2 2 1\n1 2\n3\n4 5\n",
                                       "1 2 1\n1 2\n3 4 5\n",
                                       "1 2 1\n1 x\n3\n",
                                       "4294967296 4294967296 1\n1\n2\n",
                                       "1 1 999999999\n1\n2\n"};
    static const char *const tables[] = {
        "",
        " ",
        "\n\n\n",
        "# only this\n",
        "a,b\n",
        "a,b\n1,2\n\"3,4\n",
        "a,b\n1,2\n3\n",
        "a,b\n1,2\n3,4,5\n",
        "a,b\n\"1\"x,2\n",
        "a,b\n1,inf\n2,3\n",
        "a,b\n1e999,2\n3,4\n",
        "a\n1\n2\n",
        "\xff\xfe"
        "a",
        "PK\x03\x04zip",
        "{\"a\": 1}",
        "<html><body>404</body></html>",
        "PAR1xxxxPAR1",
        "%PDF-1.4\n",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "a,b\n,1\n,2\n,3\n",
        "a,b\nx,1\ny,2\n\xe9,1\nx,2\n",
        "\x7f"
        "ELF,1\n2,3\n",
        "bool_in=9\nreal_in=0\nbool_out=2\n",
        "bool_in=2\nreal_in=0\nbool_out=1\nreal_out=0\ntraining_examples=18446744073709551615\n"
        "validation_examples=1\ntest_examples=0\n1 2 3\n",
        "bool_in=2\nreal_in=0\nbool_out=1\nreal_out=0\ntraining_examples=9\n"
        "validation_examples=9\ntest_examples=9\n1 2 3\n"};
    static const char *const odd[] = {"a,b\r1,2\r3,4\r",
                                      ("\xef\xbb\xbf"
                                       "a,b\n1,2\n3,4\n"),
                                      "1;2,5\n2;3,5\n",
                                      "a,a\n1,2\n2,3\n",
                                      "\"a\nb\",\"c\"\"d\"\n1,2\n2,3\n",
                                      "1,2\n2,3",
                                      "+1 1:1 # c\n-1 qid:3 2:1\n",
                                      "  1 2\n  2  3\n",
                                      "a,b\n\n1,2\n\n2,3\n\n",
                                      "1,2,\n2,3,\n"};
    for (size_t i = 0; i < sizeof svm / sizeof *svm; i++)
        text_file("svm", svm[i], false);
    for (size_t i = 0; i < sizeof fann / sizeof *fann; i++)
        text_file("fann", fann[i], false);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        text_file("table", tables[i], false);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        text_file("odd", odd[i], true);
    begin();
    add("1,2\n3,\0\n", 8);
    judge("zero", false);
    begin(); /* one line of a million delimiters and more, over a short one */
    memset(bytes, ',', ROOM - 8);
    length = ROOM - 8;
    add_text("\n1,2\n");
    judge("wide", false);
    begin();
    memset(bytes, '"', ROOM - 8);
    length = ROOM - 7;
    judge("quotes", false);
    begin();
    memset(bytes, '\n', ROOM - 8);
    length = ROOM - 8;
    judge("blank", false);
}

static void safetensors(void)
{
    static const char *const headers[] = {
        "{}",
        "[]",
        "{",
        "{\"x\":1}",
        "{\"x\":{}}",
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,2]}}",
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,17]}}",
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[16,0]}}",
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,99999999]}}",
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[-16,0]}}",
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}",
        "{\"x\":{\"dtype\":\"F99\",\"shape\":[2,2],\"data_offsets\":[0,16]}}",
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,-2],\"data_offsets\":[0,16]}}",
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,1e9],\"data_offsets\":[0,16]}}",
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[0,2],\"data_offsets\":[0,0]}}",
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},\"x\":{}}"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        begin();
        add_number(strlen(headers[i]), 8, false);
        add_text(headers[i]);
        memset(bytes + length, 0, 16);
        length += 16;
        judge("safetensors", false);
    }
    static const uint64_t lengths[] = {3, 1000, 0x7fffffff, 0x7fffffffffffffff, 0xfffffffffffffff8};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        begin();
        add_number(lengths[i], 8, false);
        add_text("{\"x\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}");
        judge("safetensors-length", false);
    }
    begin();
    add_number(ROOM / 2, 8, false);
    memset(bytes + length, '[', ROOM / 2);
    length += ROOM / 2;
    judge("safetensors-deep", false);
}

/* ------------------------------------------------------------------ packed ------------------ */

static size_t pack(unsigned char *out, const void *data, size_t n, bool zstd)
{
    if (zstd) {
        ZSTD_CCtx *context = ZSTD_createCCtx();
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
        size_t size = ZSTD_compress2(context, out, ROOM, data, n);
        ZSTD_freeCCtx(context);
        return size;
    }
    z_stream z = {.next_in = (void *)(uintptr_t)data, .avail_in = (uInt)n};
    z.next_out = out;
    z.avail_out = ROOM;
    deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY);
    deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return z.total_out;
}

/* 48 MiB, of which the first bytes say what there should be. */
static void bomb(const char *name, const void *head, size_t n, const char *filling, bool zstd)
{
    const size_t vast = (size_t)48 << 20, size = strlen(filling);
    char *text = calloc(vast, 1);
    for (size_t i = 0; text && size && i + size <= vast; i += size)
        memcpy(text + i, filling, size);
    if (text)
        memcpy(text, head, n);
    begin();
    length = text ? pack(bytes, text, vast, zstd) : 0;
    free(text);
    judge(name, false);
}

/* Headers that promise less than there is, or more than so few packed bytes can hold: nothing is
 * unpacked in vain. */
static void vast_claims(bool zstd)
{
    static const char *const shapes[] = {"(7, 5)", "(99999999999, 5)", "(9223372036854775807, 8)"};
    static const uint64_t sizes[] = {3, 0xffffffff};
    static const char *const tensors[] = {"140", "9999999999999", "9223372036854775807"};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        begin();
        add("\x93NUMPY\1\0", 8);
        add_number(118, 2, false);
        int n = snprintf((char *)bytes + length, 128,
                         "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shapes[i]);
        memset(bytes + length + n, ' ', 118 - (size_t)n);
        length += 118;
        bomb("npy-bomb", memcpy((char[128]){0}, bytes, length), length, "", zstd);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        begin();
        add("\0\0\x08\3", 4);
        for (size_t r = 0; r < 3; r++)
            add_number(r ? 28 : sizes[i], 4, true);
        bomb("idx-bomb", memcpy((char[16]){0}, bytes, 16), 16, "", zstd);
    }
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        char text[200] = "";
        int n = snprintf(text + 8, sizeof text - 8,
                         "{\"x\":{\"dtype\":\"F32\",\"shape\":[7,5],\"data_offsets\":[0,%s]}}",
                         tensors[i]);
        text[0] = (char)n;
        bomb("safetensors-bomb", text, 8 + (size_t)n, "", zstd);
    }
    bomb("fann-bomb", "99999999999 2 1\n", 16, "1 2\n3\n", zstd);
    bomb("page-bomb", "<!DOCTYPE html>\n", 16, "<p>\n", zstd);
}

/* A header that is refused for itself, whatever comes behind it. */
static void vast_behind_a_bad_header(bool zstd)
{
    static const char *const dictionaries[] = {
        "{'descr': '|O', 'fortran_order': False, 'shape': (6291440, 1), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3145720), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (6291440, 0), }", "{'descr': '<f8'}"};
    for (size_t i = 0; i < sizeof dictionaries / sizeof *dictionaries; i++) {
        char text[128] = "\x93NUMPY\1\0\x76";
        memset(text + 10, ' ', 118);
        memcpy(text + 10, dictionaries[i], strlen(dictionaries[i]));
        bomb("npy-header-bomb", text, 128, "", zstd);
    }
    bomb("idx-header-bomb", "\0\0\x08\2\0\0\0\x18\0\x20\0\0", 12, "", zstd);
    bomb("fann-header-bomb", "0 2 1\n", 6, "1 2\n3\n", zstd);
    /* a header of 1 MB, and what it promises is less than there is */
    static char text[1 << 20];
    memset(text, ' ', sizeof text);
    memcpy(text, "\xf8\xff\x0f\0\0\0\0\0", 8);
    static const char tensor[] =
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[7,5],\"data_offsets\":[0,140]}}";
    memcpy(text + 8, tensor, strlen(tensor));
    bomb("safetensors-header-bomb", text, sizeof text, "", zstd);
    memcpy(text + 8, "{\"x\":nothing", 12);
    bomb("safetensors-header-bomb", text, sizeof text, "", zstd);
}

/* Text that never comes to the end of a record. */
static void vast_texts(bool zstd)
{
    bomb("blank-bomb", "\n", 1, "\n", zstd);
    bomb("blank-bomb", "a,b\n", 4, "\r\n", zstd);
    bomb("blank-bomb", "a,b\n1,2\n", 8, " \n", zstd);
    bomb("comment-bomb", "# ", 2, "# a\n", zstd);
    bomb("line-bomb", "x", 1, "x", zstd);
    bomb("line-bomb", "1", 1, "1,", zstd);
    bomb("line-bomb", "a,b\n", 4, "1,2,", zstd);
    bomb("line-bomb", "a,b\n1,2\n3,", 10, "4", zstd);
    bomb("line-bomb", "1 1:1\n", 6, "2:2 ", zstd);
    bomb("quote-bomb", "\"", 1, "1,2\n", zstd);
    bomb("quote-bomb", "a,b\n\"", 5, "1,2\n", zstd);
    bomb("quote-bomb", "a,b\n1,2\n\"", 9, "x", zstd);
    bomb("quote-bomb", "\"", 1, "\"", zstd);
    bomb("quote-bomb", "a;b\n1;\"", 7, "\"\"", zstd);
}

static void packed(bool zstd)
{
    static unsigned char text[4096], file[ROOM];
    size_t n = 0;
    for (unsigned i = 0; n < 3000; i++)
        n += (size_t)snprintf((char *)text + n, sizeof text - n, "%u,%u,%u\n", i * 7919 % 1000,
                              i * 104729 % 997, i % 3);
    size_t size = pack(file, text, n, zstd);
    const char *name = zstd ? "zst" : "gz";
    begin();
    add(file, size);
    judge(name, true);
    add(file, size);
    judge(name, true); /* another member */
    for (size_t cut = zstd ? 4 : 2; cut < size; cut += size / 12 + 1) {
        begin();
        add(file, cut);
        judge(name, false);
    }
    for (size_t tail = 1; tail <= 8; tail++) {
        begin();
        add(file, size - tail);
        judge(name, false);
    }
    for (size_t at = zstd ? 14 : 12; at < size; at += size / 14 + 1) { /* damaged */
        begin();
        add(file, size);
        bytes[at] ^= 0x10;
        judge(name, false);
    }
    begin();
    add(file, size);
    add_text("rubbish behind it");
    judge(name, false);
    const size_t vast = (size_t)256 << 20; /* of the 64 MiB allowed */
    char *zeros = calloc(vast, 1);
    begin();
    length = zeros ? pack(bytes, zeros, vast, zstd) : 0;
    free(zeros);
    judge("bomb", false);
    vast_claims(zstd);
    vast_behind_a_bad_header(zstd);
    vast_texts(zstd);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    heddle = argv[1];
    directory = argv[2];
    mkdir(directory, 0700);
    idx();
    all_npy();
    texts();
    safetensors();
    packed(false);
    packed(true);
    printf("%u files, %u with another verdict; refused in %.3f s and %ld KiB at most\n", files,
           wrong, slowest, largest);
    return wrong != 0;
}
