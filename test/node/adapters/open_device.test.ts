import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { ArgumentError, MissingFeatureError, NoAdapterError, openDevice, relu, TesseraError } from "tessera-gpu";
import { Trainer, VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { describeAdapter } from "../../../src/gpu/adapter.js";
import { tiledKernels } from "../../../src/gpu/tiled_kernels.js";
import { unpackSwiftShader, withDriver } from "../../../src/node/adapters/swiftshader.js";
import { TensorGpu } from "../../../src/tensor/gpu.js";
import { TensorMaker } from "../../../src/tensor/making.js";
import { assertThrows } from "../../support.js";

const test = suite("opening an adapter in Node");
const run = promisify(execFile);

async function thrownBy(promise: Promise<unknown>): Promise<Error> {
	return promise.then(
		() => assert.unreachable("it should have thrown") as never,
		(error: Error) => error,
	);
}

/** Runs a script against the built library in a process of its own. */
async function script(code: string, environment: Record<string, string> = {}) {
	const options = { env: { ...process.env, ...environment }, timeout: 60_000 };
	return run(process.execPath, ["--input-type=module", "-e", code], options).then(
		({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
		(error: { code: number; stdout: string; stderr: string }) => error,
	);
}

const open = `import { openDevice, relu } from ${JSON.stringify(new URL("../../../../../dist/node/index.js", import.meta.url).href)};`;

test("a script ends by itself with code 0, with and without disposing of the device", async () => {
	for (const end of ["", "gpu.dispose();"]) {
		const code = `${open} const gpu = await openDevice(); const y = relu(gpu.tensor([-1, 2], [2])); console.log([...(await y.data())].join()); ${end}`;
		const result = await script(code);
		assert.is(result.code, 0, result.stderr);
		assert.is(result.stdout.trim(), "0,2");
	}
});

test("the instance survives garbage collection while its device lives", async () => {
	const code = `${open} const gpu = await openDevice(); for (let i = 0; i < 5; i++) { globalThis.gc(); await new Promise((r) => setTimeout(r, 20)); const y = relu(gpu.tensor([3], [1])); if ((await y.item()) !== 3) throw new Error("wrong"); y.dispose(); } console.log("alive");`;
	const options = { env: process.env, timeout: 60_000 };
	const { stdout } = await run(process.execPath, ["--expose-gc", "--input-type=module", "-e", code], options);
	assert.is(stdout.trim(), "alive");
});

test("devices that were disposed of leave neither threads nor files behind", async () => {
	if (process.platform !== "linux") return;
	const code = `${open} import { readdirSync } from "node:fs";
		const held = () => ["task", "fd"].map((kind) => readdirSync("/proc/self/" + kind).length);
		let first;
		for (let i = 0; i < 12; i++) {
			const gpu = await openDevice({ announce: false });
			if ((await relu(gpu.tensor([3])).item()) !== 3) throw new Error("wrong");
			gpu.dispose();
			first ??= held();
		}
		console.log(JSON.stringify([first, held()]));`;
	const result = await script(code);
	assert.is(result.code, 0, result.stderr);
	const [first, last] = JSON.parse(result.stdout) as [number[], number[]];
	assert.ok(last[0] <= first[0] + 1 && last[1] <= first[1] + 1, `threads and files: ${first} and then ${last}`);
});

test("a process that can open no more files is told so", async () => {
	if (process.platform !== "linux") return;
	const code = `${open} import { closeSync, openSync } from "node:fs";
		const files = [];
		try { for (;;) files.push(openSync("/dev/null")); } catch {}
		const { name, message } = await openDevice().catch((error) => error);
		for (const file of files) closeSync(file);
		console.log(name + ": " + message);`;
	const limited = ["-c", 'ulimit -n 256; exec "$0" --input-type=module -e "$1"', process.execPath, code];
	const { stdout } = await run("sh", limited, { timeout: 60_000 });
	assert.match(stdout, /^NoAdapterError: openDevice: .*open files.*EMFILE.*ulimit -n/);
});

test("swiftshader is found without a system driver and announced in one line", async () => {
	const result = await script(
		`${open} const gpu = await openDevice(); await openDevice(); console.log(gpu.adapter.software, gpu.adapter.subgroupMaxSize);`,
		{
			TESSERA_ADAPTER: "swiftshader",
		},
	);
	assert.is(result.code, 0, result.stderr);
	assert.is(result.stdout.trim(), "true 4");
	const lines = result.stderr.split("\n").filter((line) => line.startsWith("Tessera computes on the CPU"));
	assert.is(lines.length, 1, result.stderr);
	assert.match(lines[0] as string, /SwiftShader.*GPU/);
});

test("a browser's page announces a software adapter once on the console, or not at all", async () => {
	const { manifest, loader = "" } = await unpackSwiftShader();
	const index = JSON.stringify(new URL("../../../../../dist/index.js", import.meta.url).href);
	const code = `import { openDevice } from ${index}; import { create, globals } from "webgpu"; Object.assign(globalThis, globals);
		const gpu = create([]); Object.defineProperty(globalThis, "navigator", { value: { gpu } });
		console.warn = (text) => console.log(text);
		await openDevice({ announce: false }); console.log("silent"); await openDevice(); await openDevice({ announce: true });`;
	const result = await script(code, {
		VK_DRIVER_FILES: manifest,
		VK_ICD_FILENAMES: manifest,
		LD_LIBRARY_PATH: dirname(loader),
	});
	assert.is(result.code, 0, result.stderr);
	assert.match(result.stdout, /^silent\nTessera computes on the CPU \(.*SwiftShader.*\n$/);
});

test("webgpu is found in the current folder if it is not installed next to the package", async () => {
	const dist = fileURLToPath(new URL("../../../../../dist/", import.meta.url));
	const [elsewhere, here] = await Promise.all(
		["package", "here"].map((name) => mkdtemp(join(tmpdir(), `tessera-${name}-`))),
	);
	try {
		await cp(dist, join(elsewhere, "dist"), { recursive: true });
		await writeFile(join(elsewhere, "package.json"), '{ "type": "module" }');
		const { href } = pathToFileURL(join(elsewhere, "dist/node/index.js"));
		const code = `import { openDevice } from ${JSON.stringify(href)}; await openDevice({ announce: false }).then(() => console.log("open"), (e) => console.log(e.name, e.message));`;
		const open = async () => {
			const flags = ["--input-type=module", "-e", code];
			return (await run(process.execPath, flags, { cwd: here, timeout: 60_000 })).stdout.trim();
		};
		await mkdir(join(here, "node_modules"));
		await symlink(resolve("node_modules/@sparticuz"), join(here, "node_modules/@sparticuz"));
		assert.match(await open(), /^NoAdapterError .*npm install webgpu/);
		await symlink(resolve("node_modules/webgpu"), join(here, "node_modules/webgpu"));
		assert.is(await open(), "open");
	} finally {
		for (const folder of [elsewhere, here]) await rm(folder, { recursive: true });
	}
});

test("SwiftShader is used if the system's loader finds no driver", async () => {
	const result = await script(`${open} const gpu = await openDevice(); console.log(gpu.adapter.description);`, {
		TESSERA_ADAPTER: "",
		VK_DRIVER_FILES: "/nowhere.json",
		VK_ICD_FILENAMES: "/nowhere.json",
	});
	assert.is(result.code, 0, result.stderr);
	assert.match(result.stdout, /SwiftShader/);
});

test("a GPU that is not there is an error that says what to do", async () => {
	const result = await script(
		`${open} await openDevice({ adapter: "gpu" }).catch((e) => { console.log(e.name, e.message); });`,
		{
			VK_DRIVER_FILES: "/nowhere.json",
			VK_ICD_FILENAMES: "/nowhere.json",
		},
	);
	assert.match(result.stdout, /^NoAdapterError openDevice: adapter "gpu" was not found\. Install/);
});

test("choosing SwiftShader once leaves the next choice alone", async () => {
	const code = `${open} const env = process.env.VK_DRIVER_FILES; const a = await openDevice({ adapter: "swiftshader" }); console.log(a.adapter.architecture, process.env.VK_DRIVER_FILES === env);`;
	const result = await script(code);
	assert.is(result.stdout.trim(), "swiftshader true", result.stderr);
	const error = await thrownBy(openDevice({ adapter: "nope" as "gpu" }));
	assert.instance(error, ArgumentError);
});

test("unknown adapters and missing features are named", async () => {
	const result = await script(`${open} await openDevice().catch((e) => { console.log(e.name, e.message); });`, {
		TESSERA_ADAPTER: "voodoo",
	});
	assert.match(result.stdout, /^ArgumentError .*TESSERA_ADAPTER.*"gpu".*"lavapipe".*"swiftshader".*"voodoo"/);
	const error = await thrownBy(openDevice({ requiredFeatures: ["no-such-feature"] }));
	assert.instance(error, MissingFeatureError);
	assert.match(error.message, /no-such-feature/);
	assert.not.instance(error, NoAdapterError);
	assert.not.instance(error, ArgumentError);
});

test("TESSERA_DEBUG prints on stderr, unless the option says something else", async () => {
	const code = `${open} const gpu = await openDevice({ announce: false });
		relu(gpu.tensor([1]));`;
	const launches = await script(code, { TESSERA_DEBUG: "launches" });
	assert.match(launches.stderr, /^eager relu\.wgsl: /m);
	assert.is(launches.stdout, "");
	assert.match((await script(code, { TESSERA_DEBUG: "shaders" })).stderr, /^compiled relu\.wgsl:$/m);
	assert.not.match((await script(code, { TESSERA_DEBUG: "" })).stderr, /relu/);
	const wrong = await script(code, { TESSERA_DEBUG: "all" });
	assert.match(wrong.stderr, /ArgumentError: openDevice: TESSERA_DEBUG must be "launches" or "shaders", but is "all"/);
});

test("a device with no feature and no raised limit computes all the same", async () => {
	const { create } = await import("webgpu");
	const driver = await unpackSwiftShader();
	const instance = create([]);
	const adapter = (await withDriver(driver, () => instance.requestAdapter())) as GPUAdapter;
	const bare = await adapter.requestDevice();
	assert.is(bare.features.has("subgroups"), false);
	const gpu = new TensorGpu(
		bare,
		{ ...describeAdapter(adapter), subgroupMinSize: 0, subgroupMaxSize: 0 },
		{ variants: ["tiled"], kernels: { tiled: tiledKernels } },
		(gpu) => new TensorMaker(gpu),
	);
	assert.is(gpu.subgroupSize, 0);
	assertThrows(() => gpu.blockedKernels, TesseraError, ["without the blocked kernels"]);
	const model = new VQVAE(gpu, { inChannels: 1, numEmbeddings: 8 });
	const trainer = new Trainer(model);
	const losses = trainer.step(() => gpu.tensor(new Float32Array(128).fill(0.25), [2, 1, 8, 8]));
	assert.ok(Number.isFinite(await losses.loss.item()));
	assert.ok((await gpu.time(() => relu(losses.loss).dispose())) > 0, "timed by the clock");
	gpu.dispose();
});

test("Dawn's null backend is refused", async () => {
	const { create } = await import("webgpu");
	const { openAdapter } = await import("../../../src/tensor/open_device.js");
	const { browserChoiceStore } = await import("../../../src/tensor/choice_store.js");
	const instance = create(["backend=null"]);
	const adapter = await instance.requestAdapter();
	assert.ok(adapter !== null);
	const error = await thrownBy(openAdapter(adapter as GPUAdapter, {}, browserChoiceStore, () => {}));
	assert.instance(error, NoAdapterError);
	assert.match(error.message, /null backend/);
});

test.run();
