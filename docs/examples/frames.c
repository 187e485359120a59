/* An echo canceller as a library, in frames of 10 ms at 16 kHz: cc -O2 -shared -fPIC -o libframes.so frames.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME = 160, TAPS = 512 };

typedef struct {
    float weights[TAPS], far[TAPS];
    int16_t last[FRAME]; /* the output is a frame late */
} Canceller;

Canceller *frames_create(void) { return calloc(1, sizeof(Canceller)); }

void frames_destroy(Canceller *c) { free(c); }

void frames_process(Canceller *c, const int16_t *mic, const int16_t *far, int16_t *out) {
    memcpy(out, c->last, sizeof c->last);
    for (int t = 0; t < FRAME; t++) {
        memmove(c->far + 1, c->far, (TAPS - 1) * sizeof *c->far);
        c->far[0] = far[t] / 32768.0f;
        float error = mic[t] / 32768.0f, power = 1e-3f;
        for (int n = 0; n < TAPS; n++) error -= c->weights[n] * c->far[n], power += c->far[n] * c->far[n];
        for (int n = 0; n < TAPS; n++) c->weights[n] += 0.5f * error * c->far[n] / power;
        c->last[t] = (int16_t)(32767 * (error > 1 ? 1 : error < -1 ? -1 : error));
    }
}
