// A million operations of each kind that once made drivers run out of memory mappings, with the process's memory on the way.
//   npm run test:load [-- OPERATIONS]
// Fails if memory grows. The lavapipe driver is checked by default, SwiftShader with TESSERA_ADAPTER=swiftshader.
import { readFileSync } from "node:fs";
import { type Gpu, openDevice, relu, scale, type Tensor } from "tessera-gpu";

const operations = Number(process.argv[2] ?? 1e6);
/** Different shapes, more than bind groups are kept for. */
const shapes = 5003;
const dispatchesPerBatch = 256;
/** What the resident memory may grow by after the first fifth, in bytes: an operation that leaks anything leaks 100 bytes. */
const allowedGrowth = 64e6;

interface Kind {
	readonly name: string;
	readonly launch: (gpu: Gpu, x: Tensor, i: number) => void;
	/** Operations between two waits; without a number there is none. */
	readonly wait?: number;
}

const newScalar: Kind["launch"] = (_, x, i) => scale(x, i).dispose();
const newShape: Kind["launch"] = (gpu, _, i) => {
	const y = gpu.empty([1 + (i % shapes)]);
	relu(y).dispose();
	y.dispose();
};

const kinds: readonly Kind[] = [
	{ name: "a new scalar each, no wait", launch: newScalar },
	{ name: "a new scalar each, throttled every 1000", launch: newScalar, wait: 1000 },
	{ name: "a new shape each, throttled every 1000", launch: newShape, wait: 1000 },
];

/** Memory mappings of the process, of which Linux allows 65,530; 0 on other systems. */
function mappings(): number {
	try {
		return readFileSync("/proc/self/maps", "utf8").split("\n").length - 1;
	} catch {
		return 0;
	}
}

/** Bytes by which the memory has grown since the first fifth. */
async function launchAll({ name, launch, wait }: Kind): Promise<number> {
	const gpu = await openDevice();
	const x = gpu.tensor([1, 2]);
	const start = performance.now();
	let early = 0;
	console.log(`\n${name}:`);
	for (let i = 1; i <= operations; i++) {
		launch(gpu, x, i);
		if (wait !== undefined && i % wait === 0) await gpu.throttle(1);
		if (i % Math.ceil(operations / 10) !== 0 && i !== operations) continue;
		const { rss } = process.memoryUsage();
		if (early === 0 && i >= operations / 5) early = rss;
		const { bindGroups, bindGroupsMade, buffersMade } = gpu.counters();
		console.log(
			`${i} operations, ${Math.round((performance.now() - start) / 1000)} s: ${Math.round(rss / 1e6)} MB, ${mappings()} mappings, ${bindGroups} bind groups of ${bindGroupsMade} made, ${buffersMade} buffers made`,
		);
	}
	// What is still in flight takes memory as well (see src/gpu/work_in_flight.ts).
	const growth = process.memoryUsage().rss - early - 1000 * dispatchesPerBatch * gpu.counters().batchesInFlight;
	await gpu.finish();
	gpu.dispose();
	return growth;
}

for (const kind of kinds) {
	const growth = await launchAll(kind);
	if (growth <= allowedGrowth) continue;
	console.error(`Memory grew by ${Math.round(growth / 1e6)} MB after the first fifth: ${kind.name}.`);
	process.exitCode = 1;
}
