/* SPDX-License-Identifier: MIT
 *
 * batches.h: the batches of an array of integers, one after the other, read ahead by a second thread where that pays.
 */
#ifndef MIDDEN_GRAPH_BATCHES_H
#define MIDDEN_GRAPH_BATCHES_H

#include "numbers.h"

struct ahead;

struct batches {
    struct numbers *now;   /* the batch at hand; its first records * fields numbers are whole records */
    size_t fields, records;
    struct scan *scan;     /* for the failures of who takes the batches; not to be read from */
    struct numbers *begun; /* without a second thread: the only one */
    struct ahead *ahead;   /* or NULL */
};

/* `n` has begun and its array has records of so many fields. What fails later only makes the reading slower. */
void batches_begin(struct batches *b, struct numbers *n, size_t fields);

/* The next batch, in `now`; false on failure, or when the caller of load wants to stop. Not after one that has ended. */
bool batches_next(struct batches *b);

/* After the last batch, or after a failure of whoever: the scan of batches_begin goes on behind the array, or has failed
 * where the first failure in the file was. Returns `ok`, but false when the scan has failed. */
bool batches_end(struct batches *b, bool ok);

#endif
