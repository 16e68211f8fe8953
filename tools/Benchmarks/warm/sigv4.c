#include "sigv4.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- SHA-256 (FIPS 180-4) and HMAC (FIPS 198-1) ---- */

enum { BLOCK = 64, DIGEST = 32 };

typedef struct {
  uint32_t state[8];
  uint64_t length;
  unsigned char block[BLOCK];
} sha256;

static const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t word, int by) { return word >> by | word << (32 - by); }

static void sha256_compress(sha256 *hash) {
  uint32_t w[64], v[8];
  for (int i = 0; i < 16; i++) {
    const unsigned char *p = hash->block + 4 * i;
    w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
  }
  for (int i = 16; i < 64; i++) {
    uint32_t low = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t high = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + low + w[i - 7] + high;
  }
  memcpy(v, hash->state, sizeof v);
  for (int i = 0; i < 64; i++) {
    uint32_t e = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
    uint32_t t1 = v[7] + e + ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha256_constants[i] + w[i];
    uint32_t a = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
    uint32_t t2 = a + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
    memmove(v + 1, v, 7 * sizeof *v);
    v[4] += t1;
    v[0] = t1 + t2;
  }
  for (int i = 0; i < 8; i++) hash->state[i] += v[i];
}

static void sha256_begin(sha256 *hash) {
  static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(hash->state, initial, sizeof initial);
  hash->length = 0;
}

static void sha256_add(sha256 *hash, const void *bytes, size_t count) {
  const unsigned char *p = bytes;
  for (size_t i = 0; i < count; i++) {
    hash->block[hash->length++ % BLOCK] = p[i];
    if (hash->length % BLOCK == 0) sha256_compress(hash);
  }
}

static void sha256_end(sha256 *hash, unsigned char digest[DIGEST]) {
  uint64_t bits = hash->length * 8;
  sha256_add(hash, "\x80", 1);
  while (hash->length % BLOCK != BLOCK - 8) sha256_add(hash, "", 1);
  for (int shift = 56; shift >= 0; shift -= 8) sha256_add(hash, &(unsigned char){(unsigned char)(bits >> shift)}, 1);
  for (int i = 0; i < DIGEST; i++) digest[i] = (unsigned char)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}

static void digest_of(const void *bytes, size_t count, unsigned char digest[DIGEST]) {
  sha256 hash;
  sha256_begin(&hash);
  sha256_add(&hash, bytes, count);
  sha256_end(&hash, digest);
}

static void hmac(const void *key, size_t key_length, const char *text, unsigned char code[DIGEST]) {
  unsigned char padded[BLOCK] = {0}, inner[BLOCK], outer[BLOCK], digest[DIGEST];
  sha256 hash;
  if (key_length > BLOCK) digest_of(key, key_length, padded);
  else memcpy(padded, key, key_length);
  for (int i = 0; i < BLOCK; i++) {
    inner[i] = padded[i] ^ 0x36;
    outer[i] = padded[i] ^ 0x5c;
  }
  sha256_begin(&hash);
  sha256_add(&hash, inner, BLOCK);
  sha256_add(&hash, text, strlen(text));
  sha256_end(&hash, digest);
  sha256_begin(&hash);
  sha256_add(&hash, outer, BLOCK);
  sha256_add(&hash, digest, DIGEST);
  sha256_end(&hash, code);
}

static void hex(const unsigned char digest[DIGEST], char text[2 * DIGEST + 1]) {
  for (int i = 0; i < DIGEST; i++) sprintf(text + 2 * i, "%02x", digest[i]);
}

/* ---- Signature Version 4 ---- */

size_t sigv4_fields(const sigv4_credentials *credentials, const char *host, const char *path, const void *body,
                    size_t body_length, time_t when, char *fields, size_t size) {
  char stamp[20], day[10], scope[128], text[4096], secret[256], payload_hash[2 * DIGEST + 1], request_hash[2 * DIGEST + 1];
  unsigned char digest[DIGEST];
  struct tm utc;
  gmtime_r(&when, &utc);
  strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
  strftime(day, sizeof day, "%Y%m%d", &utc);
  snprintf(scope, sizeof scope, "%s/%s/lambda/aws4_request", day, credentials->region);

  digest_of(body, body_length, digest);
  hex(digest, payload_hash);
  int length = snprintf(text, sizeof text, "POST\n%s\n\nhost:%s\nx-amz-date:%s\n\nhost;x-amz-date\n%s", path, host, stamp, payload_hash);
  if (length < 0 || (size_t)length >= sizeof text) return 0;
  digest_of(text, (size_t)length, digest);
  hex(digest, request_hash);

  length = snprintf(secret, sizeof secret, "AWS4%s", credentials->secret_key);
  if (length < 0 || (size_t)length >= sizeof secret) return 0;
  hmac(secret, (size_t)length, day, digest);
  hmac(digest, DIGEST, credentials->region, digest);
  hmac(digest, DIGEST, "lambda", digest);
  hmac(digest, DIGEST, "aws4_request", digest);
  snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", stamp, scope, request_hash);
  hmac(digest, DIGEST, text, digest);
  hex(digest, request_hash);
  length = snprintf(fields, size,
                    "X-Amz-Date: %s\r\nAuthorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=host;x-amz-date, Signature=%s\r\n",
                    stamp, credentials->access_key, scope, request_hash);
  return length < 0 || (size_t)length >= size ? 0 : (size_t)length;
}
