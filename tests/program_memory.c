/**
 * Does a run take what --dry-run says it will? Runs of several kinds, each planned, then measured:
 * their peaks must be within 10 % or 8 MiB of what was said.
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
    snprintf(words, sizeof words, "%s train builtin:digits --quiet --steps %s %s%s", heddle, steps,
             options, dry ? " --dry-run --json" : "");
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

int main(int argc, char **argv)
{
    static char text[ROOM];
    int wrong = 0;
    if (argc != 3 || chdir(argv[2]) != 0) {
        return 2;
    }
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        run(argv[1], runs[i], true, text);
        const char *peak = strstr(text, "\"peak\":");
        double said = peak ? strtod(peak + strlen("\"peak\":"), NULL) : 0;
        double took = run(argv[1], runs[i], false, text);
        double off = said > took ? said - took : took - said;
        if (off > 0.1 * took && off > 8 << 20) {
            printf("'%s': %.1f MB were said, %.1f MB taken\n", runs[i], said / 1e6, took / 1e6);
            wrong++;
        }
    }
    printf("%zu runs, %d of them wrong\n", sizeof runs / sizeof *runs, wrong);
    return wrong != 0;
}
