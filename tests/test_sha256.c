/**
 * SHA-256 against known answers: the examples of FIPS 180 and NIST's CAVP, and `sha256sum` of
 * coreutils 9.1 for lengths around the ends of blocks.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/sha256.h"

static const char *digest(const void *data, size_t n, size_t step)
{
    static char hex[65];
    struct sha256 s;
    sha256_begin(&s);
    for (size_t i = 0; i < n; i += step) {
        sha256_add(&s, (const char *)data + i, n - i < step ? n - i : step);
    }
    sha256_end(&s, hex);
    return hex;
}

Test(sha256, examples_of_the_standard)
{
    cr_assert_str_eq(digest("", 0, 1),
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    cr_assert_str_eq(digest("abc", 3, 3),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    cr_assert_str_eq(digest(two, 56, 56),
                     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

Test(sha256, a_million_letters)
{
    static char letters[1000000];
    memset(letters, 'a', sizeof(letters));
    const char *want = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    cr_assert_str_eq(digest(letters, sizeof(letters), sizeof(letters)), want);
    cr_assert_str_eq(digest(letters, sizeof(letters), 997), want);
}

Test(sha256, padding_at_every_place)
{
    /* head -c N /dev/zero | tr '\0' x | sha256sum */
    static const struct {
        size_t n;
        const char *hex;
    } row[] = {
        {1, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},
        {55, "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072"},
        {56, "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e"},
        {57, "ae14a2563ccf969d99aca69ce6bb74981f734bbf9f655f73b8f06db68cab5217"},
        {63, "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2"},
        {64, "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c"},
        {65, "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9"},
        {119, "000b48d4edf0fa7bee3c6236ecd2785baa5db4eeb8bb54341b029e0d9fa5fb0c"},
        {120, "13f05a0b594787f5ecd315edc96141bd3243203d1b7d4f0836f37308b276ba98"},
        {128, "24da1b81d0b16df6428eee73c69fcb2a93c76bc6df706f0c6670fe6bfe800464"},
        {129, "0ec9eb33e74510bcdd1f2ea55206e82f21649c5c2becbf2b433eb475b34c01bd"},
    };
    char text[200];
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        for (size_t step = 1; step < 130; step += 21) {
            cr_assert_str_eq(digest(text, row[i].n, step), row[i].hex, "%zu by %zu", row[i].n,
                             step);
        }
    }
}
