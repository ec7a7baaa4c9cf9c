#!/usr/bin/env python3
"""Golden values for tests/test_optimizers.c: 30 steps of PyTorch in float64.

Made with PyTorch 1.13.0a0 (Debian 12, python3-torch 1.13.0+dfsg-4):

    python3 tests/data/torch_steps.py > tests/data/torch_steps.txt

Each case is a line "case HIDDEN OUTPUT OPTIONS", options as Heddle's recipe takes them, and a line of
all weights after the run in plain order (W1 row-major, b1, W2, b2). Data and first weights are
whole numbers divided by powers of two, so both sides start from the same bits.
"""
import math
import torch
import torch.nn.functional as F

ROWS, IN, HIDDEN, OUT, STEPS = 12, 5, 6, 3, 30
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def made(i, j, k):
    """The number (i, j) of array k: test_optimizers.c has the same line."""
    return ((i * 37 + j * 101 + k * 53 + i * j * 7) % 129 - 64) / 64


X = torch.tensor([[made(e, i, 1) for i in range(IN)] for e in range(ROWS)])
T = torch.tensor([[made(e, o, 2) for o in range(OUT)] for e in range(ROWS)])
C = torch.tensor([(e * 5 + e // 4) % OUT for e in range(ROWS)])

HIDDENS = {
    "linear": lambda z: z, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": F.relu,
    "leaky-relu": F.leaky_relu, "elu": F.elu, "selu": F.selu, "gelu": F.gelu, "silu": F.silu,
    "softplus": F.softplus, "softsign": F.softsign, # F.hardsigmoid has 1/6 in float
    "hard-sigmoid": lambda z: torch.clamp(z / 6 + 0.5, 0, 1),
    "gaussian": lambda z: torch.exp(-z * z), "sine": torch.sin, "exp": torch.exp,
}


def loss_of(name, output, z, rows, smoothing, weight):
    x = z if output in ("softmax", "exp") else HIDDENS[output](z)
    t = T[rows]
    if name == "cross-entropy" and output == "softmax":
        each = F.cross_entropy(z, C[rows], label_smoothing=smoothing, reduction="none")
        return (each * weight[C[rows]]).mean() if weight is not None else each.mean()
    if name == "cross-entropy":
        one_hot = F.one_hot(C[rows], OUT).double()
        return F.binary_cross_entropy_with_logits(z, one_hot, reduction="sum") / len(rows)
    if name == "poisson":
        return F.poisson_nll_loss(z, t.abs(), log_input=True)
    return {"mse": F.mse_loss, "mae": F.l1_loss,
            "huber": F.huber_loss}[name](x, t)


def objective(opt, hidden, output, name, all_, decay):
    w1, b1, w2, b2 = all_
    opt.zero_grad()
    z = HIDDENS[hidden](X @ w1.T + b1) @ w2.T + b2
    loss = loss_of(name, output, z, list(range(ROWS)), 0, None)
    loss = loss + decay / 2 * ((w1 * w1).sum() + (w2 * w2).sum())
    loss.backward()
    return loss


def run(hidden, output, text):
    o = dict(word.split("=") for word in text.split())
    get = lambda key, default: float(o.get(key, default))
    w1 = torch.tensor([[made(u, i, 3) / 2 for i in range(IN)] for u in range(HIDDEN)])
    b1 = torch.tensor([made(u, 9, 4) / 4 for u in range(HIDDEN)])
    w2 = torch.tensor([[made(u, i, 5) / 2 for i in range(HIDDEN)] for u in range(OUT)])
    b2 = torch.tensor([made(u, 9, 6) / 4 for u in range(OUT)])
    all_ = [w1, b1, w2, b2]
    for p in all_:
        p.requires_grad_(True)
    rate = get("rate", 0)
    name = o["optimizer"]
    decay = get("weight-decay" if name == "adamw" else "l2", 0)
    groups = [{"params": [w1, w2], "weight_decay": decay}, {"params": [b1, b2], "weight_decay": 0}]
    if name in ("rprop", "lbfgs"):
        groups = all_
    opt = {
        "sgd": lambda: torch.optim.SGD(groups, lr=rate),
        "momentum": lambda: torch.optim.SGD(groups, lr=rate, momentum=0.9),
        "nesterov": lambda: torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True),
        "adam": lambda: torch.optim.Adam(groups, lr=rate),
        "adamw": lambda: torch.optim.AdamW(groups, lr=rate),
        "rmsprop": lambda: torch.optim.RMSprop(groups, lr=rate),
        "adagrad": lambda: torch.optim.Adagrad(groups, lr=rate),
        "rprop": lambda: torch.optim.Rprop(groups, lr=rate),
        "lbfgs": lambda: torch.optim.LBFGS(all_, lr=rate, max_iter=1, history_size=10,
                                           line_search_fn="strong_wolfe"),
    }[name]()
    batch = ROWS if o["batch"] == "full" else int(o["batch"])
    per_epoch = math.ceil(ROWS / batch)
    schedule = o.get("schedule", "constant")
    factor = get("schedule-factor", {"step": 0.1, "exponential": 0.95, "inverse": 0.5, "cosine": 0,
                                     "plateau": 0.1}.get(schedule, 1))
    every = int(get("schedule-every", 1))
    warmup = int(get("warmup", 0))
    sched = plateau = None
    S = torch.optim.lr_scheduler
    if schedule == "one-cycle":
        sched = S.OneCycleLR(opt, max_lr=rate, total_steps=STEPS, cycle_momentum=False)
    elif schedule == "cosine":
        sched = S.CosineAnnealingLR(opt, T_max=STEPS, eta_min=factor * rate)
    elif schedule == "step":
        sched = S.StepLR(opt, step_size=every * per_epoch, gamma=factor)
    elif schedule == "exponential":
        sched = S.ExponentialLR(opt, gamma=factor ** (1 / (every * per_epoch)))
    elif schedule == "inverse":
        sched = S.LambdaLR(opt, lambda s: (1 + s / (every * per_epoch)) ** -factor)
    elif schedule == "plateau":
        plateau = S.ReduceLROnPlateau(opt, factor=factor, patience=every)
    elif warmup:
        sched = S.LambdaLR(opt, lambda s: min(1, (s + 1) / (warmup + 1)))
    weight = None
    if "class-weights" in o:
        weight = torch.tensor([float(w.split(":")[1]) for w in o["class-weights"].split(",")])
    step = 0
    while step < STEPS:
        total = 0.0
        for begin in range(0, ROWS, batch):
            if step == STEPS:
                break
            rows = list(range(begin, min(ROWS, begin + batch)))
            if name == "lbfgs":
                opt.step(lambda: objective(opt, hidden, output, o["loss"], all_, decay))
                step += 1
                continue
            opt.zero_grad()
            z = HIDDENS[hidden](X[rows] @ w1.T + b1) @ w2.T + b2
            loss = loss_of(o["loss"], output, z, rows, get("label-smoothing", 0), weight)
            loss.backward()
            total += loss.item() * len(rows)
            if "clip" in o:
                torch.nn.utils.clip_grad_norm_(all_, get("clip", 0))
            if "clip-value" in o:
                torch.nn.utils.clip_grad_value_(all_, get("clip-value", 0))
            if "l1" in o:
                for w in (w1, w2):
                    w.grad += get("l1", 0) * torch.sign(w.detach())
            opt.step()
            if sched and step + 1 < STEPS:
                sched.step()
            step += 1
        if plateau:
            plateau.step(total / ROWS)
    print("case", hidden, output, text)
    print(*("%.17g" % v for p in all_ for v in p.detach().flatten().tolist()))


full = "batch=full steps=30 "
for f in HIDDENS:
    if f != "exp":
        run(f, "linear", full + "loss=mse optimizer=sgd rate=0.1")
for f in ("sigmoid", "tanh", "softplus", "gelu", "sine", "exp", "elu"):
    if f != "exp":
        run("tanh", f, full + "loss=mse optimizer=sgd rate=0.1")
for loss, output in (("mae", "linear"), ("huber", "linear"), ("mae", "tanh"), ("huber", "silu"),
                     ("poisson", "exp"), ("cross-entropy", "softmax"),
                     ("cross-entropy", "sigmoid")):
    run("tanh", output, full + "loss=" + loss + " optimizer=sgd rate=0.1")
run("tanh", "softmax", full + "loss=cross-entropy label-smoothing=0.125 optimizer=sgd rate=0.1")
run("tanh", "softmax", full + "loss=cross-entropy class-weights=0:2,1:0.5,2:1 optimizer=sgd rate=0.1")
for text in ("sgd rate=0.1", "momentum rate=0.05", "nesterov rate=0.05", "adam rate=0.01",
             "adamw rate=0.01 weight-decay=0.5", "rmsprop rate=0.01", "adagrad rate=0.05",
             "rprop rate=0.01", "adam rate=0.01 l2=0.25", "sgd rate=0.1 l2=0.125",
             "rmsprop rate=0.01 l2=0.125", "momentum rate=0.05 l1=0.0625", "sgd rate=0.5 clip=0.25",
             "adam rate=0.01 clip=0.125", "sgd rate=0.5 clip-value=0.03125",
             "sgd rate=0.1 schedule=step schedule-every=7", "adam rate=0.01 schedule=exponential",
             "sgd rate=0.1 schedule=inverse", "sgd rate=0.1 schedule=cosine",
             "adam rate=0.01 schedule=cosine schedule-factor=0.1",
             "sgd rate=0.1 schedule=one-cycle", "sgd rate=0.1 warmup=8",
             "momentum rate=0.5 schedule=plateau schedule-every=1"):
    run("tanh", "softmax", full + "loss=cross-entropy optimizer=" + text)
for text in ("sgd rate=0.1", "adam rate=0.01 schedule=step schedule-every=4",
             "momentum rate=0.25 schedule=plateau schedule-every=1", "adamw rate=0.01 weight-decay=0.5 clip=0.5"):
    run("tanh", "softmax", "batch=5 shuffle=no steps=30 loss=cross-entropy optimizer=" + text)
for f, output, loss in (("tanh", "linear", "mse"), ("sigmoid", "linear", "mse"), ("sine", "tanh", "mse"),
                        ("tanh", "exp", "poisson"), ("softplus", "linear", "huber")):
    run(f, output, full + "loss=" + loss + " optimizer=lbfgs rate=1")
for text in ("rate=1 l2=0.0625", "rate=1 l2=0.001", "rate=0.125 l2=0.001"):
    run("tanh", "softmax", full + "loss=cross-entropy optimizer=lbfgs " + text)
