/** look: what a run would find and use on this machine. */
#include <stdio.h>
#include <string.h>

#include "kernel/dispatch.h"
#include "machine/limit.h"
#include "machine/topology.h"
#include "train/recipe.h"

/** How many workers from `first` on have processors at one distance: neighbours, or at least three. */
static int places_in_step(const struct plan *plan, int first, int *step)
{
    const int *place = plan->processor;
    int last = first + 1;
    *step = last < plan->workers ? place[last] - place[first] : 0;
    while (last < plan->workers && place[last] == place[last - 1] + *step) {
        last++;
    }
    int count = *step > 0 ? last - first : 1;
    return count == 2 && *step > 1 ? 1 : count;
}

/**
 * "0, 8, 16-23, 32-62:2" (every second), as taskset has it: the workers' processors in the order of
 * the workers, as many as there is room for.
 */
static void list_places(const struct plan *plan, char *text, size_t size)
{
    size_t used = 0;
    for (int first = 0, count; plan->processor && first < plan->workers; first += count) {
        const int *place = plan->processor + first;
        const char *comma = first > 0 ? ", " : "";
        char item[48];
        int step;
        count = places_in_step(plan, first, &step);
        if (count == 1) {
            snprintf(item, sizeof item, "%s%d", comma, *place);
        } else if (step == 1) {
            snprintf(item, sizeof item, "%s%d-%d", comma, *place, place[count - 1]);
        } else {
            snprintf(item, sizeof item, "%s%d-%d:%d", comma, *place, place[count - 1], step);
        }
        if (used + strlen(item) + sizeof ", …" > size) {
            snprintf(text + used, size - used, ", …");
            return;
        }
        used += (size_t)snprintf(text + used, size - used, "%s", item);
    }
}

heddle_status heddle_machine_look(const heddle_recipe *recipe, heddle_machine *machine,
                                  heddle_error *err)
{
    struct topology *topology = NULL;
    struct plan *plan = NULL;
    heddle_machine m = {0};
    enum isa isa = ISA_SCALAR;
    heddle_status status = isa_choose(recipe ? recipe_text(recipe, OPTION_ISA) : NULL, &isa, err);
    if (!status) {
        status = topology_create(&topology, err);
    }
    if (!status) {
        status = plan_create(topology, recipe ? recipe_threads(recipe) : 0,
                             recipe ? recipe_bind(recipe) : BIND_AUTO, &plan, err);
    }
    if (!status) {
        topology_describe(topology, &m);
        m.threads = plan->workers;
        snprintf(m.why, sizeof m.why, "%s", plan->why);
        snprintf(m.bind, sizeof m.bind, "%s", plan->how);
        list_places(plan, m.places, sizeof m.places);
        snprintf(m.isa, sizeof m.isa, "%s", isa_name(isa));
        for (enum isa i = 0; i < ISA_COUNT; i++) {
            if (isa_available(i)) {
                size_t used = strlen(m.isa_available);
                snprintf(m.isa_available + used, sizeof m.isa_available - used, "%s%s",
                         used ? ", " : "", isa_name(i));
            }
        }
        *machine = m;
    }
    plan_free(plan);
    topology_free(topology);
    return status;
}

heddle_status heddle_machine_limit(int threads, bool use_double, const char *isa_wanted,
                                   double *gflops, heddle_error *err)
{
    struct topology *topology = NULL;
    struct plan *plan = NULL;
    enum isa isa = ISA_SCALAR;
    double flop_per_second = 0;
    heddle_status status = isa_choose(isa_wanted, &isa, err);
    if (!status) {
        status = topology_create(&topology, err);
    }
    if (!status) {
        status = plan_create(topology, threads, BIND_AUTO, &plan, err);
    }
    if (!status) {
        status = limit_measure(plan, topology_quota(topology), kernels_fma_chains(isa, use_double),
                               0.1, &flop_per_second, err);
    }
    if (!status) {
        *gflops = flop_per_second * 1e-9;
    }
    plan_free(plan);
    topology_free(topology);
    return status;
}
