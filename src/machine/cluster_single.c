/* cluster: a single process. */
#include "machine/cluster.h"

int cluster_ranks(void)
{
    return 1;
}

int cluster_rank(void)
{
    return 0;
}
