/** libxsmm_mlp: a sigmoid network trained by LIBXSMM's kernels (libxsmm-dev), all in blocks. */
#ifndef LIBXSMM_MLP_H
#define LIBXSMM_MLP_H

#include <stdbool.h>

enum { MLP_LAYERS_MOST = 8, MLP_THREADS_MOST = 64 };
enum mlp_pass { MLP_FORWARD, MLP_BACKWARD, MLP_UPDATE, MLP_PASSES };

struct mlp_shape {
    int layers;
    int width[MLP_LAYERS_MOST + 1]; /**< [0] inputs */
    int batch;
    int threads;
};

/** What the user of such kernels chooses. All are ints: they are read and tried by number. */
struct mlp_settings {
    int fused;            /**< weights updated and transposed block by block in the last pass? */
    int rows;             /**< examples in a block */
    int block[3];         /**< features in a block: of the input, of hidden layers, of the output */
    int swap[MLP_PASSES]; /**< is the outer loop over rows (the update: inputs), not outputs
                             (backwards: inputs)? */
};
enum { MLP_SETTINGS = sizeof(struct mlp_settings) / sizeof(int) };

struct mlp;

/** Are these settings possible? Blocks have to divide what they are blocks of. */
bool mlp_fits(const struct mlp_shape *shape, const struct mlp_settings *settings);

/** A network, and a batch and targets, all of values made up, the same ones for all settings. */
struct mlp *mlp_new(const struct mlp_shape *shape, const struct mlp_settings *settings);
void mlp_free(struct mlp *m);

/** Runs training steps and returns the seconds they took; seconds[] grows by those of each pass. */
double mlp_steps(struct mlp *m, long steps, double seconds[MLP_PASSES]);

/** The activation of level 0 (the inputs) to layers; the targets; a layer's weights. */
float mlp_value(const struct mlp *m, int level, int row, int feature);
float mlp_target(const struct mlp *m, int row, int output);
float mlp_weight(const struct mlp *m, int layer, int output, int input);

/** What weights move by: the sum of weight deltas over the batch times this over its size. */
float mlp_rate(void);

/** The instruction set that LIBXSMM makes code for. */
const char *mlp_isa(void);

#endif
