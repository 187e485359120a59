/* An echo canceller as a program: nlms MIC FAR OUT, three WAV files of 16 bits, one channel and the same rate.
   cc -O2 -o nlms nlms.c */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define HEADER 44 /* bytes before the samples, as aecbench writes them */
#define TAPS 512
#define STEP 0.5f

int main(int count, char **names) {
    if (count != 4) return fprintf(stderr, "usage: nlms MIC FAR OUT\n"), 2;
    FILE *mic = fopen(names[1], "rb"), *far = fopen(names[2], "rb"), *out = fopen(names[3], "wb");
    if (!mic || !far || !out) return fprintf(stderr, "nlms: cannot open a file\n"), 1;
    char header[HEADER];
    fseek(far, HEADER, SEEK_SET);
    if (fread(header, 1, HEADER, mic) != HEADER) return fprintf(stderr, "nlms: no WAV file\n"), 1;
    fwrite(header, 1, HEADER, out);
    static float weights[TAPS], x[TAPS];
    int16_t m, f;
    while (fread(&m, 2, 1, mic) == 1 && fread(&f, 2, 1, far) == 1) {
        memmove(x + 1, x, (TAPS - 1) * sizeof *x);
        x[0] = f / 32768.0f;
        float error = m / 32768.0f, power = 1e-3f;
        for (int n = 0; n < TAPS; n++) error -= weights[n] * x[n], power += x[n] * x[n];
        for (int n = 0; n < TAPS; n++) weights[n] += STEP * error * x[n] / power;
        float limited = error > 1 ? 1 : error < -1 ? -1 : error;
        int16_t sample = (int16_t)(32767 * limited);
        fwrite(&sample, 2, 1, out);
    }
    return fclose(out) ? 1 : 0;
}
