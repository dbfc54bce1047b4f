"""Goes on training a model of `tessera train` on several GPUs or machines, and saves a run that Tessera reads.

    torchrun --nproc_per_node 8 train_ddp.py runs/mnist --data mnist/ --out runs/mnist-8 --batch 1024 --epochs 10

A batch is divided among the processes. Gradients, the codebook's averages and the losses are added up over all of
them, so the result is that of one process with the whole batch, but for the order in which floats are added.
"""
from __future__ import annotations

import argparse
import io
import json
import math
import os
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import partial
from typing import Any, Callable, Iterator

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from images import DataError, ImageError, Images, Preparation, check_images, find_images
from model_file import CONFIG, MODEL, load_model, model_path, read_config, save_model
from quantizers import CodebookQuantizer, Share, all_reduce
from safetensors_file import FormatError, write_atomically
from vqvae import VQVAE, Output, to_network

CHECKPOINT, METRICS = "checkpoint.pt", "metrics.jsonl"
STEPS_PER_READ = 16  # losses are read, and the GPU waited for, after so many steps


@dataclass(frozen=True)
class Settings:
    """What a resumed training must have in common with the one that it continues."""

    model: str
    data: str
    batch: int
    lr: float
    schedule: str
    order: str
    seed: int
    precision: str


class Trainer:
    """A model, its optimizer and its place in the training, on one of the processes."""

    def __init__(
        self, model: VQVAE, settings: Settings, device: torch.device, steps_per_epoch: int, total_steps: int
    ) -> None:
        self.settings, self.device = settings, device
        self.steps_per_epoch, self.total_steps = steps_per_epoch, total_steps
        self.model = model.to(device)
        ids = [device.index] if device.type == "cuda" else None
        self.parallel = DistributedDataParallel(self.model, device_ids=ids, broadcast_buffers=False)
        parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(parameters, lr=settings.lr)
        self.step_count = 0

    def step(self, pixels: Tensor, share: Share) -> Tensor:
        """One step on this process's part of a batch, uint8 [B, C, H, W].

        Returns float64 [3 + levels · K], the same on all processes: loss, reconstruction loss, commitment loss, and
        how often each code occurred in the batch.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        output = self.forward(self.parallel, pixels, share)
        self.optimizer.zero_grad()
        # DistributedDataParallel divides the sum of the gradients by the number of processes.
        (output.loss * dist.get_world_size()).backward()
        self.optimizer.step()
        quantizer = self.model.vq_layer
        quantizer.update(output.latents.detach(), output.indices, share)
        self.step_count += 1
        losses = torch.stack([output.loss.detach(), output.recon_loss.detach(), output.commitment_loss.detach()])
        return all_reduce(torch.cat([losses.double(), quantizer.count_codes(output.indices).double()]))

    @torch.no_grad()
    def evaluate(self, images: Images, batches: list[list[int]], workers: int) -> dict[str, float]:
        """The normalised error and the use of codes on all images. All processes call it together."""
        error = torch.zeros((), dtype=torch.float64, device=self.device)
        counts = self.model.vq_layer.count_codes(torch.zeros(0, dtype=torch.long, device=self.device))
        for pixels, share in parts(images, batches, workers):
            output = self.forward(self.model, pixels, Share(share.first, len(images)))
            # The share of the loss is that of a batch of all images.
            error += output.recon_loss
            counts += self.model.vq_layer.count_codes(output.indices)
        counts, error = all_reduce(counts), all_reduce(error)
        return {"nmse": float(error), "perplexity": perplexity(counts), "codesInUse": int((counts > 0).sum())}

    def forward(self, model: torch.nn.Module, pixels: Tensor, share: Share) -> Output:
        images = to_network(pixels.to(self.device, non_blocking=True))
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.settings.precision == "bfloat16"):
            return model(images, share.total)

    def learning_rate(self) -> float:
        lr = self.settings.lr
        if self.settings.schedule == "constant":
            return lr
        return lr * 0.5 * (1 + math.cos(math.pi * min(1, self.step_count / self.total_steps)))

    def codebooks(self) -> list[CodebookQuantizer]:
        return [module for module in self.model.modules() if isinstance(module, CodebookQuantizer)]

    def check_equal(self) -> None:
        """Raises RuntimeError unless all processes have the same weights."""
        sums = torch.stack([tensor.double().sum() for tensor in self.model.state_dict().values()])
        least, most = sums.clone(), sums.clone()
        dist.all_reduce(least, dist.ReduceOp.MIN)
        dist.all_reduce(most, dist.ReduceOp.MAX)
        if not torch.equal(least, most) and bool(torch.isfinite(sums).all()):
            raise RuntimeError("train_ddp: the processes have different weights; nothing was saved.")

    def save_checkpoint(self, path: str) -> None:
        """Everything that `load_checkpoint` needs to continue as if the training had not stopped."""
        content = {
            "settings": asdict(self.settings),
            "step": self.step_count,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "updates": [codebook.updates for codebook in self.codebooks()],
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        write_atomically(path, [buffer.getvalue()])

    def load_checkpoint(self, path: str) -> None:
        """Raises DataError if the checkpoint is of a training with other settings, naming them."""
        content: dict[str, Any] = from_first(lambda: torch.load(path, map_location="cpu"))
        was, now = content["settings"], asdict(self.settings)
        changed = [f"--{name} was {was[name]}, but is {now[name]}" for name in now if now[name] != was[name]]
        if changed:
            raise DataError(f'"{path}" is of a training with other settings: {"; ".join(changed)}.')
        self.model.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.step_count = content["step"]
        for codebook, updates in zip(self.codebooks(), content["updates"]):
            codebook.updates = updates


def parts(images: Images, batches: list[list[int]], workers: int) -> Iterator[tuple[Tensor, Share]]:
    """This process's part of each batch: uint8 [B, C, H, W], with neighbouring images of the batch."""
    rank, processes = dist.get_rank(), dist.get_world_size()
    starts = [[len(batch) * process // processes for process in (rank, rank + 1)] for batch in batches]
    own = [batch[start:end] for batch, (start, end) in zip(batches, starts)]
    loader = DataLoader(
        images,
        batch_sampler=own,
        num_workers=workers,
        collate_fn=partial(stack, images.shape),
        pin_memory=torch.cuda.is_available(),
    )
    for pixels, batch, (start, _) in zip(loader, batches, starts):
        yield pixels, Share(start, len(batch))


def stack(shape: tuple[int, int, int], images: list[Tensor]) -> Tensor:
    """Images [C, H, W] → [B, C, H, W]. A process has no image of a batch with fewer images than processes."""
    return torch.stack(images) if images else torch.empty((0, *shape), dtype=torch.uint8)


def from_first(make: Callable[[], Any]) -> Any:
    """What `make` returns in the first process, which alone needs to see the folder of the run; for all processes."""
    made = [make() if dist.get_rank() == 0 else None]
    dist.broadcast_object_list(made)
    return made[0]


def batches_of(order: list[int], size: int) -> list[list[int]]:
    return [order[start : start + size] for start in range(0, len(order), size)]


def order_of(settings: Settings, count: int, epoch: int) -> list[int]:
    """The numbers of the images in the order of an epoch, the same on all processes."""
    if settings.order == "sequential":
        return list(range(count))
    if settings.order == "shuffled":
        generator = torch.Generator().manual_seed(settings.seed + epoch)
        return torch.randperm(count, generator=generator).tolist()
    try:
        with open(settings.order, encoding="utf-8") as file:
            order = [int(word) for word in file.read().split()]
    except (OSError, ValueError) as cause:
        raise DataError(
            f"--order must be shuffled, sequential, or a file of numbers of images separated by white space: {cause}."
        ) from cause
    wrong = [str(number) for number in order if not 0 <= number < count] or ([] if order else ["none"])
    if wrong:
        raise DataError(f'"{settings.order}" must have numbers from 0 to {count - 1}, but has {wrong[0]}.')
    return order


def perplexity(counts: Tensor) -> float:
    """exp of the entropy of the codes' frequencies."""
    p = counts[counts > 0].double()
    p = p / p.sum()
    return float(torch.exp(-(p * p.log()).sum()))


class RunFolder:
    """The folder that process 0 writes: model.safetensors, config.json, metrics.jsonl, and the checkpoint."""

    def __init__(self, path: str, metadata: dict[str, str], config: dict[str, Any]) -> None:
        self.path, self.metadata, self.config = path, metadata, config

    def file(self, name: str) -> str:
        return os.path.join(self.path, name)

    def save(self, trainer: Trainer) -> None:
        trainer.check_equal()
        if dist.get_rank() == 0:
            save_model(self.file(MODEL), trainer.model, self.metadata)
            text = json.dumps(self.config, indent="\t", ensure_ascii=False)
            write_atomically(self.file(CONFIG), [text.encode() + b"\n"])
            trainer.save_checkpoint(self.file(CHECKPOINT))
        dist.barrier()

    def log(self, rows: list[dict[str, Any]]) -> None:
        if dist.get_rank() == 0:
            with open(self.file(METRICS), "a", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)

    def begin(self, resume: bool) -> None:
        """Raises DataError if the folder contains another run, or nothing to resume."""
        names = (MODEL, CONFIG, CHECKPOINT)
        held = from_first(lambda: [name for name in names if os.path.exists(self.file(name))])
        if resume and CHECKPOINT not in held:
            raise DataError(f'--resume: "{self.path}" has no {CHECKPOINT}: leave --resume out, or name another --out.')
        if held and not resume:
            raise DataError(f'--out "{self.path}" contains another run ({", ".join(held)}): name another folder.')
        if dist.get_rank() == 0:
            os.makedirs(self.path, exist_ok=True)

    def keep_rows(self, steps: int) -> None:
        """Removes the rows after so many steps, those of a training that did not get to its next checkpoint."""
        if dist.get_rank() != 0:
            return
        lines: list[str] = []
        if os.path.exists(self.file(METRICS)):
            with open(self.file(METRICS), encoding="utf-8") as file:
                lines = [line for line in file if line.endswith("\n") and json.loads(line)["step"] <= steps]
        write_atomically(self.file(METRICS), ["".join(lines).encode()])


# Of the config.json of the run that is continued: what describes its model, and how its images were prepared.
KEPT = (
    "quantizer", "codes", "dim", "beta", "decay", "deadBelow", "similarity", "gradient", "levels", "init",
    "hidden", "residualLayers", "seed", "size", "background", "maxBad",
)


def continued_config(
    run: str, settings: Settings, images: Images, held_out: Images | None, model: VQVAE, epochs: int
) -> dict[str, Any]:
    """config.json, with which Tessera's commands find the images and prepare others."""
    before = read_config(run)
    kept = {name: before[name] for name in KEPT if name in before}
    # The names are those of the folders in --data.
    classes = {"classes": before["classes"]} if "classes" in before and before.get("data") == settings.data else {}
    channels, height, width = images.shape
    return {
        "seed": 0,
        **kept,
        **classes,
        "data": settings.data,
        "channels": channels,
        "height": height,
        "width": width,
        "trainImages": len(images),
        "heldOutImages": 0 if held_out is None else len(held_out),
        "dataVariance": model.data_variance,
        "epochs": epochs,
        "batch": settings.batch,
        "lr": settings.lr,
        "schedule": settings.schedule,
        "adapter": f"PyTorch {torch.__version__}, {dist.get_world_size()} × {dist.get_backend()}",
        "date": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "pytorch": {
            "model": settings.model,
            "order": settings.order,
            "seed": settings.seed,
            "precision": settings.precision,
        },
    }


def train(
    trainer: Trainer, folder: RunFolder, images: Images, held_out: Images | None, options: argparse.Namespace
) -> None:
    start = time.monotonic()
    settings, steps_per_epoch, workers = trainer.settings, trainer.steps_per_epoch, options.workers
    while trainer.step_count < trainer.total_steps:
        epoch, done = divmod(trainer.step_count, steps_per_epoch)
        batches = batches_of(order_of(settings, len(images), epoch), settings.batch)
        batches = batches[done : done + trainer.total_steps - trainer.step_count]
        pending: list[Tensor] = []
        for pixels, share in parts(images, batches, workers):
            pending.append(trainer.step(pixels, share))
            last = trainer.step_count == trainer.total_steps or trainer.step_count % steps_per_epoch == 0
            due = options.checkpoint_every is not None and trainer.step_count % options.checkpoint_every == 0
            if last or due or len(pending) == STEPS_PER_READ:
                folder.log(read_rows(pending, trainer.step_count, epoch + 1))
                pending.clear()
            if due and not last:
                folder.save(trainer)
        folder.save(trainer)
        if held_out is None:
            continue
        numbers = trainer.evaluate(held_out, batches_of(list(range(len(held_out))), settings.batch), workers)
        seconds = time.monotonic() - start
        row = {"type": "epoch", "epoch": epoch + 1, "step": trainer.step_count, **numbers, "seconds": seconds}
        folder.log([row])
        if dist.get_rank() == 0:
            print(f"epoch {epoch + 1}: held-out NMSE {row['nmse']:.4f}, perplexity {row['perplexity']:.1f}", flush=True)


def read_rows(pending: list[Tensor], last_step: int, epoch: int) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl of the last steps. Raises ArithmeticError if a loss is not finite, on all processes."""
    rows: list[dict[str, Any]] = []
    for step, values in enumerate(torch.stack(pending).cpu(), last_step - len(pending) + 1):
        loss, recon, commitment = values[:3].tolist()
        if not math.isfinite(loss):
            raise ArithmeticError(f"The training diverged at step {step}: the loss is {loss}. Lower --lr.")
        losses = {"loss": loss, "reconLoss": recon, "commitmentLoss": commitment, "perplexity": perplexity(values[3:])}
        rows.append({"type": "step", "epoch": epoch, "step": step, **losses})
    if dist.get_rank() == 0:
        print(f"step {last_step}: loss {loss:.5f} recon {recon:.5f}", file=sys.stderr, flush=True)
    return rows


def start_processes(device: str | None) -> torch.device:
    """Joins the processes of torchrun; without torchrun there is one process."""
    cuda = torch.cuda.is_available() if device is None else device == "cuda"
    if cuda and not torch.cuda.is_available():
        sys.exit("train_ddp: --device is cuda, but PyTorch finds no such GPU: leave --device out.")
    backend = "nccl" if cuda else "gloo"
    if "RANK" in os.environ:
        dist.init_process_group(backend)
    else:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    if not cuda:
        return torch.device("cpu")
    torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    return torch.device("cuda", torch.cuda.current_device())


def at_least(least: int) -> Any:
    def whole(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, but is {text}")
        return int(text)

    return whole


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Go on training a model of `tessera train` on several processes.")
    add = parser.add_argument
    add("run", help="the folder of a run, or its model.safetensors")
    add("--data", required=True, help="a folder of images, or of MNIST's IDX files; an IDX or a .npy file")
    add("--out", required=True, help="the folder to write")
    add("--batch", type=at_least(1), default=128, help="images per step, of all processes together (128)")
    add("--epochs", type=at_least(1), default=1, help="passes over the images (1)")
    add("--steps", type=at_least(1), help="how many steps, instead of --epochs")
    add("--lr", type=float, default=1e-3, help="learning rate of Adam (1e-3)")
    add("--schedule", choices=("constant", "cosine"), default="constant", help="cosine: down to 0 (constant)")
    add("--order", default="shuffled", help="shuffled, sequential, or a file of numbers of images (shuffled)")
    add("--seed", type=at_least(0), default=0, help="of the shuffled order (0)")
    add("--precision", choices=("float32", "tf32", "bfloat16"), default="float32", help="of convolutions (float32)")
    add("--workers", type=at_least(0), default=0, help="processes that read images, for each GPU (0)")
    add("--checkpoint-every", type=at_least(1), metavar="STEPS", help="also save within an epoch")
    add("--resume", action="store_true", help="continue from the checkpoint in --out")
    add("--device", choices=("cpu", "cuda"), help="default: cuda if it is there")
    options = parser.parse_args()
    if not 0 <= options.lr < math.inf:
        parser.error(f"argument --lr: must be a number of at least 0, but is {options.lr}")
    return options


def main() -> None:
    options = read_options()
    device = start_processes(options.device)
    torch.backends.cudnn.allow_tf32 = options.precision != "float32"
    try:
        run(options, device)
    except (DataError, FormatError, OSError, ArithmeticError) as error:
        # Most mistakes are noticed by all processes, so one of each machine says it. An image is read by one process.
        if os.environ.get("LOCAL_RANK", "0") == "0" or isinstance(error, ImageError):
            print(f"train_ddp: {error}", file=sys.stderr, flush=True)
        dist.destroy_process_group()
        sys.exit(1)
    dist.destroy_process_group()


def run(options: argparse.Namespace, device: torch.device) -> None:
    model, metadata = load_model(options.run)
    images, held_out = find_images(options.data, Preparation.of_run(model.in_channels, read_config(options.run)))
    for found in (images, held_out) if held_out is not None else (images,):
        check_images(found, model.in_channels)
    order = options.order if options.order in ("shuffled", "sequential") else os.path.abspath(options.order)
    settings = Settings(
        os.path.abspath(model_path(options.run)), os.path.abspath(options.data), options.batch, options.lr,
        options.schedule, order, options.seed, options.precision,
    )
    steps_per_epoch = -(-len(order_of(settings, len(images), 0)) // settings.batch)
    total_steps = options.epochs * steps_per_epoch if options.steps is None else options.steps
    epochs = -(-total_steps // steps_per_epoch)
    config = continued_config(options.run, settings, images, held_out, model, epochs)
    folder = RunFolder(options.out, metadata, config)
    folder.begin(options.resume)
    trainer = Trainer(model, settings, device, steps_per_epoch, total_steps)
    if options.resume:
        trainer.load_checkpoint(folder.file(CHECKPOINT))
    folder.keep_rows(trainer.step_count)
    train(trainer, folder, images, held_out, options)
    if dist.get_rank() == 0:
        print(f"Weights after {trainer.step_count} steps: {folder.file(MODEL)}", flush=True)


if __name__ == "__main__":
    main()
