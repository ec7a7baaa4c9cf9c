/**
 * sha256: see base/sha256.h.
 *
 * Written from FIPS 180-4, "Secure Hash Standard" (NIST, 2015); section numbers below are its.
 * a … h, W and K are its letters.
 */
#include "base/sha256.h"

#include <string.h>

/* 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

/* 6.2.2, for one block of 64 bytes. */
static void compress(uint32_t state[8], const uint8_t *block)
{
    uint32_t W[64];
    for (int t = 0; t < 16; t++) {
        const uint8_t *p = block + 4 * t;
        W[t] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    }
    for (int t = 16; t < 64; t++) {
        uint32_t x = W[t - 15], y = W[t - 2];
        uint32_t sigma0 = rotate(x, 7) ^ rotate(x, 18) ^ x >> 3;
        uint32_t sigma1 = rotate(y, 17) ^ rotate(y, 19) ^ y >> 10;
        W[t] = sigma1 + W[t - 7] + sigma0 + W[t - 16];
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int t = 0; t < 64; t++) {
        uint32_t sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        uint32_t choice = (e & f) ^ (~e & g);
        uint32_t t1 = h + sum1 + choice + K[t] + W[t];
        uint32_t sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
        uint32_t t2 = sum0 + majority;
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    const uint32_t out[8] = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; i++) {
        state[i] += out[i];
    }
}

void sha256_begin(struct sha256 *s)
{
    /* 5.3.3: the same of the square roots of the first 8 primes. */
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(s->state, start, sizeof(start));
    s->bytes = 0;
}

void sha256_add(struct sha256 *s, const void *data, size_t n)
{
    const uint8_t *p = data;
    size_t held = (size_t)(s->bytes % 64);
    s->bytes += n;
    if (held > 0) {
        size_t take = n < 64 - held ? n : 64 - held;
        if (take > 0) {
            memcpy(s->block + held, p, take);
        }
        p += take;
        n -= take;
        if (held + take < 64) {
            return;
        }
        compress(s->state, s->block);
    }
    for (; n >= 64; n -= 64, p += 64) {
        compress(s->state, p);
    }
    if (n > 0) {
        memcpy(s->block, p, n);
    }
}

void sha256_end(struct sha256 *s, char hex[65])
{
    /* 5.1.1: a 1 bit, zeros up to 56 bytes mod 64, the length in bits. */
    static const uint8_t one_and_zeros[64] = {0x80};
    uint64_t bits = s->bytes * 8;
    uint8_t length[8];
    for (int i = 0; i < 8; i++) {
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    }
    sha256_add(s, one_and_zeros, 1 + (size_t)((55 - s->bytes) % 64));
    sha256_add(s, length, sizeof(length));
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 64; i++) {
        hex[i] = digits[s->state[i / 8] >> (28 - 4 * (i % 8)) & 15];
    }
    hex[64] = '\0';
}
