// A small GPT that learns to write like a text, character by character.
//
//   node examples/character_transformer.js text.txt [--steps 500] [--sample 200]
//
// --layers 4, --heads 4, --width 64, --context 64, --batch 16 and --lr 0.002 can be changed too.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
	AdamW,
	add,
	backward,
	clipGradNorm,
	cosine,
	crossEntropy,
	Embedding,
	gelu,
	LayerNorm,
	Linear,
	linearWarmup,
	Module,
	noGrad,
	openDevice,
	permute,
	Random,
	reshape,
	scaledDotProductAttention,
	split,
} from "tessera-gpu";

/** Self-attention over the positions before, and a multilayer perceptron, each with its residual connection. */
class Block extends Module {
	constructor(gpu, width, heads) {
		super();
		this.heads = heads;
		this.norm1 = new LayerNorm(gpu, width);
		this.qkv = new Linear(gpu, width, 3 * width);
		this.out = new Linear(gpu, width, width);
		this.norm2 = new LayerNorm(gpu, width);
		this.up = new Linear(gpu, width, 4 * width);
		this.down = new Linear(gpu, 4 * width, width);
	}

	/** float32 [N, L, width] → float32 [N, L, width] */
	forward(x) {
		const [batch, length, width] = x.shape;
		const byHead = (part) => permute(reshape(part, [batch, length, this.heads, width / this.heads]), [0, 2, 1, 3]);
		const [q, k, v] = split(this.qkv.forward(this.norm1.forward(x)), width, -1).map(byHead);
		const attended = scaledDotProductAttention(q, k, v, { causal: true }); // [N, heads, L, width / heads]
		const together = reshape(permute(attended, [0, 2, 1, 3]), [batch, length, width]);
		const y = add(x, this.out.forward(together));
		return add(y, this.down.forward(gelu(this.up.forward(this.norm2.forward(y)))));
	}
}

/** A decoder-only transformer (Radford et al., 2019) with layer norms before each part. */
export class GPT extends Module {
	constructor(gpu, { vocabulary, context, width = 64, layers = 4, heads = 4 }) {
		super();
		this.context = context;
		this.tokens = new Embedding(gpu, vocabulary, width);
		this.positions = new Embedding(gpu, context, width);
		this.blocks = Array.from({ length: layers }, () => new Block(gpu, width, heads));
		this.norm = new LayerNorm(gpu, width);
		this.head = new Linear(gpu, width, vocabulary, { bias: false });
	}

	/** uint32 [N, L] → float32 [N, L, vocabulary], the logits of the next token at each position */
	forward(tokens) {
		const { gpu, shape } = tokens;
		const positions = this.positions.forward(gpu.arange(0, shape[1], 1, "uint32"));
		let x = add(this.tokens.forward(tokens), positions);
		for (const block of this.blocks) x = block.forward(x);
		return this.head.forward(this.norm.forward(x));
	}
}

/** The mean cross-entropy of the next tokens, in nats. */
export function lossOf(model, tokens, targets) {
	return crossEntropy(model.forward(tokens), targets, { axis: -1 });
}

async function main() {
	const number = (value) => ({ type: "string", default: String(value) });
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: {
			steps: number(500),
			layers: number(4),
			heads: number(4),
			width: number(64),
			context: number(64),
			batch: number(16),
			lr: number(2e-3),
			sample: number(200),
		},
	});
	const [path] = positionals;
	if (path === undefined) {
		console.error("Which text? node examples/character_transformer.js text.txt");
		process.exit(1);
	}
	const setting = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
	const { steps, layers, heads, width, context, batch } = setting;

	const text = await readFile(path, "utf8");
	const characters = [...new Set(text)].sort();
	const codes = new Map(characters.map((character, i) => [character, i]));
	const encoded = Uint32Array.from([...text], (character) => codes.get(character));
	if (encoded.length <= context) throw new Error(`${path} needs more than ${context} characters (--context).`);

	const gpu = await openDevice();
	const model = new GPT(gpu, { vocabulary: characters.length, context, width, layers, heads });
	const size = model.parameters().reduce((sum, parameter) => sum + parameter.size, 0);
	console.log(`${encoded.length} characters, ${characters.length} different ones; ${size} parameters`);

	const optimizer = new AdamW(model.parameters());
	const schedule = linearWarmup({ steps: 20, lr: cosine({ lr: setting.lr, steps, min: setting.lr / 10 }) });
	const tokens = gpu.zeros([batch, context], "uint32");
	const targets = gpu.zeros([batch, context], "uint32");
	const step = gpu.capture(() => {
		const loss = lossOf(model, tokens, targets);
		optimizer.zeroGrad();
		backward(loss);
		clipGradNorm(model.parameters(), 1).dispose();
		optimizer.step();
		return loss;
	});
	const random = new Random(0);
	for (let i = 0; i < steps; i++) {
		const starts = Array.from({ length: batch }, () => random.integer(encoded.length - context));
		gpu.upload(tokens, Uint32Array.from(starts.flatMap((start) => [...encoded.subarray(start, start + context)])));
		gpu.upload(
			targets,
			Uint32Array.from(starts.flatMap((start) => [...encoded.subarray(start + 1, start + context + 1)])),
		);
		optimizer.lr = schedule(i);
		step.replay();
		await gpu.throttle();
		if ((i + 1) % 50 === 0 || i + 1 === steps)
			console.log(`step ${i + 1}: ${(await step.result.item()).toFixed(3)} nats per character`);
	}

	// Each new character is drawn by its probability after those before it. The shapes stay the same, so that no kernel is
	// compiled again: attention is causal, so what fills up the window does not matter.
	const window = gpu.zeros([1, context], "uint32");
	const next = gpu.capture(() => noGrad(() => model.forward(window)));
	const written = [random.integer(characters.length)];
	while (written.length < setting.sample) {
		const last = written.slice(-context);
		gpu.upload(
			window,
			Uint32Array.from({ length: context }, (_, i) => last[i] ?? 0),
		);
		const logits = await next.replay().data();
		const ofNext = logits.subarray((last.length - 1) * characters.length, last.length * characters.length);
		const largest = Math.max(...ofNext);
		const weights = Array.from(ofNext, (value) => Math.exp(value - largest));
		const sum = weights.reduce((total, weight) => total + weight, 0);
		let rest = random.uniform(0, sum);
		let drawn = -1;
		while (rest >= 0 && drawn < characters.length - 1) rest -= weights[++drawn];
		written.push(drawn);
	}
	console.log(written.map((code) => characters[code]).join(""));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
