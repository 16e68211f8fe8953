/* sigv4: signs a request to Lambda's Invoke with AWS Signature Version 4, so that the load generator needs no library. */
#ifndef SIGV4_H
#define SIGV4_H

#include <stddef.h>
#include <time.h>

typedef struct {
  const char *access_key, *secret_key, *region;
} sigv4_credentials;

/* Writes the Authorization and X-Amz-Date fields, each with its line end, for a POST of `body` to `path` at `when`.
 * The path must not hold a character that URI encoding changes. Answers the length, or 0 if `size` is too small. */
size_t sigv4_fields(const sigv4_credentials *credentials, const char *host, const char *path, const void *body,
                    size_t body_length, time_t when, char *fields, size_t size);

#endif
