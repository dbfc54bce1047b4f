// Writes the losses of examples/pytorch/train_ddp.py that test/node/runs/pytorch_losses.test.ts compares with ours.
//   npm run build && PYTHON=python3 node test/golden/ddp/make_golden.mjs
// It needs PyTorch 1.13 or later (Debian: apt-get install python3-torch).
//
// images.idx.gz            48 drawn digits
// NAME.safetensors         the model after 8 steps of `tessera train` with the options below
// losses.json              the options, and for each step of two processes (gloo) loss, reconLoss, commitmentLoss, perplexity
import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { generateDigits } from "../../../dist/digits.js";

const python = process.env.PYTHON ?? "python3";
const folder = "test/golden/ddp";
const [count, batch, steps, lr] = [48, 8, 20, 2e-3];
const variants = {
	ema: [],
	"ema-cosine-rotation": ["--similarity", "cosine", "--gradient", "rotation", "--residual-layers", "1"],
	loss: ["--quantizer", "loss", "--init", "data"],
	"loss-cosine-dead": ["--quantizer", "loss", "--similarity", "cosine", "--dead-below", "0.2"],
	residual: ["--quantizer", "residual", "--levels", "3"],
	"residual-rotation": ["--quantizer", "residual", "--gradient", "rotation", "--residual-layers", "0,1"],
	fsq: ["--quantizer", "fsq", "--levels", "5,4,3"],
};

const { pixels, height, width } = generateDigits(count, 7);
const header = Buffer.alloc(16);
for (const [i, value] of [0x0803, count, height, width].entries()) header.writeUInt32BE(value, 4 * i);
await writeFile(join(folder, "images.idx.gz"), gzipSync(Buffer.concat([header, pixels]), { level: 9 }));

// Debian's torchrun (1.13 with Python 3.11) fails without a stream that it redirects: here that of a process 9, which is not there.
const redirects = ["--redirects", "9:1", "--tee", "9:1"];
const rendezvous = ["--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0"];
const torchrun = ["-m", "torch.distributed.run", ...redirects, ...rendezvous, "--nproc_per_node", "2"];
const losses = {};
for (const [name, options] of Object.entries(variants)) {
	const work = await mkdtemp(join(tmpdir(), "tessera-ddp-"));
	const run = join(work, "run");
	const sizes = ["--hidden", "8", ...(name === "fsq" ? [] : ["--codes", "16", "--dim", "4"])];
	const model = join(folder, `${name}.safetensors`);
	const few = ["--images", "64", "--batch", "8", "--epochs", "1", "--quiet"];
	execFileSync(process.execPath, ["dist/node/cli.js", "train", ...few, ...sizes, ...options, "--out", run], { stdio: "inherit" });
	await copyFile(join(run, "model.safetensors"), model);
	const training = ["--batch", batch, "--steps", steps, "--lr", lr, "--order", "sequential", "--device", "cpu"];
	const words = [...torchrun, "examples/pytorch/train_ddp.py", model, "--data", join(folder, "images.idx.gz"), ...training];
	const out = join(work, "out");
	execFileSync(python, [...words.map(String), "--out", out], {
		env: { ...process.env, OMP_NUM_THREADS: "1" },
		stdio: "inherit",
	});
	const rows = (await readFile(join(out, "metrics.jsonl"), "utf8")).trim().split("\n").map((line) => JSON.parse(line));
	losses[name] = rows.map(({ loss, reconLoss, commitmentLoss, perplexity }) => [loss, reconLoss, commitmentLoss, perplexity]);
	await rm(work, { recursive: true });
}
await writeFile(join(folder, "losses.json"), `${JSON.stringify({ batch, steps, lr, losses })}\n`);
