"""What PyTorch's optimizers make of a parameter in a few steps, and its schedules' learning rates: optimizers.json.

    python3 test/golden/optimizers/make_optimizers.py

Everything is computed in float64. Made with PyTorch 1.13.1.
"""
import json
import pathlib

import torch

torch.manual_seed(0)
steps = 6
start = (torch.randint(64, 192, (7,)).double() / 64).tolist()
gradients = [(torch.randint(-128, 128, (7,)).double() / 64).tolist() for _ in range(steps)]


def trajectory(name, **options):
    """The parameter after each step."""
    w = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    torch_names = {"weightDecay": "weight_decay"}
    optimizer = getattr(torch.optim, name)([w], **{torch_names.get(k, k): v for k, v in options.items()})
    values = []
    for g in gradients:
        w.grad = torch.tensor(g, dtype=torch.float64)
        optimizer.step()
        values.append([float(f"{x:.10g}") for x in w.tolist()])
    return {"optimizer": name, "options": options, "values": values}


trajectories = [
    trajectory("SGD", lr=0.1),
    trajectory("SGD", lr=0.1, momentum=0.9),
    trajectory("SGD", lr=0.05, momentum=0.8, dampening=0.3, weightDecay=0.1),
    trajectory("SGD", lr=0.05, momentum=0.9, nesterov=True, weightDecay=0.01),
    trajectory("Adam", lr=0.1),
    trajectory("Adam", lr=0.05, betas=[0.5, 0.9], eps=1e-4, weightDecay=0.2),
    trajectory("AdamW", lr=0.1),
    trajectory("AdamW", lr=0.05, betas=[0.8, 0.95], weightDecay=0.3),
    trajectory("RMSprop", lr=0.05),
    trajectory("RMSprop", lr=0.02, alpha=0.9, eps=1e-5, momentum=0.7, weightDecay=0.1),
    trajectory("RMSprop", lr=0.02, alpha=0.8, momentum=0.5, centered=True),
    trajectory("RMSprop", lr=0.02, alpha=0.8, centered=True),
]


def rates(make, count):
    """The learning rate of each step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    schedule = make(optimizer)
    values = []
    for _ in range(count):
        values.append(float(f"{optimizer.param_groups[0]['lr']:.12g}"))
        optimizer.step()
        schedule.step()
    return values


schedules = {
    "cosine": rates(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 10, 0.1), 11),
    "step": rates(lambda o: torch.optim.lr_scheduler.StepLR(o, 3, 0.5), 10),
    "linearWarmup": rates(lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.25, 1.0, 4), 8),
    "oneCycle": rates(lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.4, total_steps=10), 10),
    "oneCycleLinear": rates(
        lambda o: torch.optim.lr_scheduler.OneCycleLR(
            o, 0.4, total_steps=12, pct_start=0.5, anneal_strategy="linear", div_factor=10, final_div_factor=100
        ),
        12,
    ),
}

golden = {"start": start, "gradients": gradients, "trajectories": trajectories, "schedules": schedules}
pathlib.Path(__file__).with_name("optimizers.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
