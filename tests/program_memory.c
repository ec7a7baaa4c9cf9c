/**
 * Does a run take what --dry-run says it will? Runs of several kinds, each planned, then measured:
 * their peaks must be within 10 % or 8 MiB of what was said. And 60,000 images of 784 bytes, some of
 * them held out, are trained on as one batch within 1.5 times their size.
 *
 *     program_memory HEDDLE DIRECTORY
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 40, ROOM = 8192 };

enum { IMAGES = 60000, PIXELS = 784 };
static const char on_images[] = "memory.images --labels memory.labels --hidden 128 --threads 1 "
                                "--batch full --optimizer rprop";

/* What follows `train builtin:digits --quiet --steps 20` (40 with --resume). */
static const char *const runs[] = {
    "",
    "--hidden 1024,1024 --threads 1",
    "--hidden 1024,1024 --threads 3 --batch 64",
    "--hidden 1024,1024 --threads 4 --batch 512",
    "--hidden 1024,1024 --threads 2 --batch 512 --precision double --optimizer momentum",
    "--hidden 1024,1024 --threads 2 --validation 0.2 --patience 3 --optimizer adam",
    "--hidden 1024,1024 --threads 2 --checkpoint memory.ck",
    "--hidden 1024,1024 --threads 1 --optimizer sgd --checkpoint sgd.ck",
    "--hidden 1024,1024 --threads 1 --optimizer sgd --checkpoint sgd.ck --resume auto",
    "--hidden 1024,1024 --threads 2 --log memory.jsonl --test builtin:digits",
    "--hidden 4000,500 --threads 32 --batch 512 --optimizer sgd", /* 16 rows each */
    "--hidden 800 --batch full --optimizer rprop",
    "--hidden 1024,700 --epochs 30 --threads 3", /* three runs at a time choose --l2 */
    "--hidden 300,200 --epochs 30 --threads 32", /* twenty, of which each has a worker */
    "--hidden 16384 --threads 2 --optimizer sgd --validation 0.2", /* little of it for scores */
    "--hidden 64,16384 --threads 1 --optimizer sgd --validation 0.2",
};

/* Run it; what it prints is in text. Returns its peak in bytes. */
static double run(const char *heddle, const char *options, bool dry, char text[ROOM])
{
    char words[600];
    char *argument[WORDS];
    int n = 0;
    const char *steps = strstr(options, "--epochs")   ? "none"
                        : strstr(options, "--resume") ? "40"
                                                      : "20";
    snprintf(words, sizeof words, "%s train %s --quiet --steps %s %s%s", heddle,
             options == on_images ? "" : "builtin:digits", steps, options,
             dry ? " --dry-run --json" : "");
    for (char *word = strtok(words, " "); word && n < WORDS - 1; word = strtok(NULL, " ")) {
        argument[n++] = word;
    }
    argument[n] = NULL;
    pid_t child = fork();
    if (child == 0) {
        int out = open("memory.out", O_CREAT | O_TRUNC | O_WRONLY, 0600);
        dup2(out, STDOUT_FILENO);
        execv(heddle, argument);
        _exit(127);
    }
    int status = 0;
    struct rusage usage = {0};
    while (wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    FILE *file = fopen("memory.out", "rb");
    size_t length = file ? fread(text, 1, ROOM - 1, file) : 0;
    text[length] = '\0';
    if (!file || fclose(file) != 0 || status != 0) {
        printf("'%s': status %d\n", options, status);
        exit(2);
    }
    return 1024.0 * (double)usage.ru_maxrss;
}

/* The images and their labels, as IDX; any bytes will do. */
static bool put_images(void)
{
    static const unsigned char head[] = {0, 0, 8, 3, 0, 0, 0xea, 0x60, 0, 0, 0, 28, 0, 0, 0, 28};
    static const unsigned char head_of_labels[] = {0, 0, 8, 1, 0, 0, 0xea, 0x60};
    static unsigned char image[PIXELS];
    FILE *images = fopen("memory.images", "wb");
    FILE *labels = fopen("memory.labels", "wb");
    bool good = images && labels && fwrite(head, sizeof head, 1, images) == 1 &&
                fwrite(head_of_labels, sizeof head_of_labels, 1, labels) == 1;
    for (unsigned r = 0; good && r < IMAGES; r++) {
        for (unsigned i = 0; i < PIXELS; i++) {
            image[i] = (unsigned char)((r * PIXELS + i) * 2654435761U >> 13);
        }
        good = fwrite(image, sizeof image, 1, images) == 1 && fputc((int)(r % 10), labels) != EOF;
    }
    bool closed = images && fclose(images) == 0;
    return labels && fclose(labels) == 0 && closed && good;
}

/* Are said and took the same, for all that matters? */
static bool agree(const char *options, double said, double took)
{
    double off = said > took ? said - took : took - said;
    if (off > 0.1 * took && off > 8 << 20) {
        printf("'%s': %.1f MB were said, %.1f MB taken\n", options, said / 1e6, took / 1e6);
        return false;
    }
    return true;
}

/* What --dry-run says of a run, in bytes. */
static double plan(const char *heddle, const char *options, char text[ROOM])
{
    run(heddle, options, true, text);
    const char *peak = strstr(text, "\"peak\":");
    return peak ? strtod(peak + strlen("\"peak\":"), NULL) : 0;
}

int main(int argc, char **argv)
{
    static char text[ROOM];
    int wrong = 0;
    if (argc != 3 || chdir(argv[2]) != 0) {
        return 2;
    }
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        double said = plan(argv[1], runs[i], text);
        wrong += !agree(runs[i], said, run(argv[1], runs[i], false, text));
    }
    if (!put_images()) {
        return 2;
    }
    double said = plan(argv[1], on_images, text);
    double took = run(argv[1], on_images, false, text);
    wrong += !agree(on_images, said, took);
    if (took > 1.5 * IMAGES * PIXELS) {
        printf("%.1f MB were taken for %.1f MB of images\n", took / 1e6, IMAGES * PIXELS / 1e6);
        wrong++;
    }
    remove("memory.images");
    printf("%zu runs, %d of them wrong\n", sizeof runs / sizeof *runs, wrong);
    return wrong != 0;
}
