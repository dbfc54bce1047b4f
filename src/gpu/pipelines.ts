import { checkNumber } from "../base/arguments.js";
import { ShaderError } from "../base/errors.js";
import { type Constants, type Declarations, declarationsOf, type Kernel, titleOf } from "./kernel.js";
import type { LateErrors } from "./late_errors.js";
import { RecentMap } from "./recent_map.js";
import type { Storage } from "./storage.js";
import type { WebGPUDevice } from "./webgpu.js";
import type { WorkInFlight } from "./work_in_flight.js";

/** How many bind groups and pipelines are kept at least; the least recently used ones are dropped first. */
const keptBindGroups = 2048;
const keptPipelines = 1024;
/** About what a bind group takes in a driver; on lavapipe a page and a memory mapping. */
const bindGroupBytes = 4096;

/** A kernel with values for its constants. */
export interface Pipeline {
	/** Kernel and constants: the key in the cache. */
	readonly key: string;
	readonly kernel: Kernel;
	readonly constants: Constants;
	readonly layout: Layout;
	readonly declarations: Declarations;
	/** The driver's pipeline; undefined before it is needed. */
	compiled: GPUComputePipeline | undefined;
	/** Why the driver refused it. */
	failure: ShaderError | undefined;
}

interface CachedBindGroup {
	readonly group: GPUBindGroup;
	/** The ids of its buffers. */
	readonly buffers: readonly number[];
	/**
	 * Not used: it tells the garbage collector what a bind group costs. A bind group is freed when its JavaScript object is
	 * collected. That object takes 100 bytes, so without this the collector would let tens of thousands accumulate.
	 */
	readonly weight: ArrayBuffer;
}

interface Layout {
	readonly id: number;
	readonly bindGroupLayout: GPUBindGroupLayout;
	readonly pipelineLayout: GPUPipelineLayout;
}

/**
 * Caches of shader modules (one per kernel), pipelines (one per kernel and set of constants), layouts (one
 * per sequence of binding types and strides) and bind groups (one per layout and sequence of buffers). The
 * numbers of pipelines and bind groups, which grow with the shapes in use, are limited; captured steps keep
 * theirs.
 */
export class Pipelines {
	private readonly modules = new Map<string, GPUShaderModule>();
	/** The sources of the kernels of each name. */
	private readonly sources = new Map<string, string[]>();
	private readonly pipelines = new RecentMap<Pipeline>(keptPipelines);
	private readonly layouts = new Map<string, Layout>();
	private readonly bindGroups = new RecentMap<CachedBindGroup>(keptBindGroups, (key, { buffers }) =>
		this.forgetKey(key, buffers),
	);
	private readonly bindGroupsOfBuffer = new Map<number, Set<string>>();
	private bindGroupsMade = 0;
	/** Called before each pipeline is compiled. */
	onCompile: ((kernel: Kernel, constants: Constants) => void) | undefined;

	constructor(
		private readonly device: WebGPUDevice,
		private readonly work: WorkInFlight,
		private readonly errors: LateErrors,
	) {}

	/** How many pipelines and bind groups are cached, and how many bind groups were made; a steady step changes none of them. */
	get counts(): { pipelines: number; bindGroups: number; bindGroupsMade: number } {
		const { bindGroupsMade } = this;
		return { pipelines: this.pipelines.size, bindGroups: this.bindGroups.size, bindGroupsMade };
	}

	/** The name of a kernel, with a number if others of that name have another source. */
	private nameOf({ name, source }: Kernel): string {
		const sources = this.sources.get(name);
		if (sources === undefined) {
			this.sources.set(name, [source]);
			return name;
		}
		if (sources[0] === source) return name;
		if (!sources.includes(source)) sources.push(source);
		return `${name} (${sources.indexOf(source) + 1})`;
	}

	get(kernel: Kernel, constants: Constants): Pipeline {
		let key = this.nameOf(kernel);
		for (const name in constants) key += `,${name}=${constants[name]}`;
		const cached = this.pipelines.get(key);
		if (cached !== undefined) return cached;
		for (const name in constants) checkNumber("gpu.launch", `constants.${name}`, constants[name]);

		const declarations = declarationsOf(kernel);
		const entry: Pipeline = {
			key,
			kernel,
			constants: { ...constants },
			layout: this.layout(declarations),
			declarations,
			compiled: undefined,
			failure: undefined,
		};
		this.pipelines.set(key, entry);
		return entry;
	}

	/** The driver's pipeline; compiles it if it is not compiled yet. */
	compiled(entry: Pipeline): GPUComputePipeline {
		if (entry.compiled !== undefined) return entry.compiled;
		this.onCompile?.(entry.kernel, entry.constants);
		this.device.pushErrorScope("validation");
		const module = this.module(entry.kernel);
		entry.compiled = this.device.createComputePipeline(this.descriptor(entry, module));
		this.errors.watch(
			this.device.popErrorScope().then((error) => {
				return error === null ? undefined : this.refused(entry, module, error.message);
			}),
		);
		return entry.compiled;
	}

	/** Compiles the pipelines that are not compiled yet, in parallel and without blocking this thread. @throws ShaderError */
	async compileAll(entries: Iterable<Pipeline>): Promise<void> {
		await Promise.all(
			[...entries]
				.filter(({ compiled }) => compiled === undefined)
				.map(async (entry) => {
					this.onCompile?.(entry.kernel, entry.constants);
					this.device.pushErrorScope("validation"); // takes the module's error, which the pipeline's repeats
					const module = this.module(entry.kernel);
					this.device.popErrorScope().catch(() => undefined);
					try {
						const pipeline = await this.device.createComputePipelineAsync(this.descriptor(entry, module));
						entry.compiled ??= pipeline;
					} catch (cause) {
						throw await this.refused(entry, module, (cause as Error).message);
					}
				}),
		);
	}

	bindGroup(pipeline: Pipeline, storages: readonly Storage[]): GPUBindGroup {
		const { layout } = pipeline;
		let key = `${layout.id}`;
		for (const { id, bytes, offset } of storages) key += offset === 0 ? `,${id}:${bytes}` : `,${id}:${bytes}+${offset}`;
		const cached = this.bindGroups.get(key);
		if (cached !== undefined) return cached.group;
		const { strides } = pipeline.declarations;
		if (storages.length !== strides.length)
			throw new ShaderError(
				`gpu.launch: ${titleOf(pipeline.kernel.name)} declares ${strides.length} bindings, uniforms included, but ${storages.length} buffers were given.`,
			);
		this.bindGroupsMade++;
		this.work.countObject();
		const group = this.device.createBindGroup({
			layout: layout.bindGroupLayout,
			entries: storages.map(({ buffer, offset, bytes }, binding) => ({
				binding,
				// Of vectors the last one whole: memory is allocated in multiples of 16 bytes.
				resource: { buffer, offset, size: Math.ceil(bytes / strides[binding]) * strides[binding] },
			})),
		});
		const buffers = storages.map(({ id }) => id);
		this.bindGroups.set(key, { group, buffers, weight: new ArrayBuffer(bindGroupBytes) });
		for (const id of buffers) {
			const keys = this.bindGroupsOfBuffer.get(id);
			if (keys === undefined) this.bindGroupsOfBuffer.set(id, new Set([key]));
			else keys.add(key);
		}
		return group;
	}

	/** Drops the bind groups of a buffer that is about to be destroyed. */
	forgetBuffer(id: number): void {
		for (const key of this.bindGroupsOfBuffer.get(id) ?? []) {
			const buffers = this.bindGroups.get(key)?.buffers ?? [];
			this.bindGroups.delete(key);
			this.forgetKey(key, buffers);
		}
	}

	private forgetKey(key: string, buffers: readonly number[]): void {
		for (const id of buffers) {
			const keys = this.bindGroupsOfBuffer.get(id);
			keys?.delete(key);
			if (keys?.size === 0) this.bindGroupsOfBuffer.delete(id);
		}
	}

	private descriptor({ kernel, constants, layout }: Pipeline, module: GPUShaderModule): GPUComputePipelineDescriptor {
		return {
			label: kernel.name,
			layout: layout.pipelineLayout,
			compute: { module, entryPoint: "main", constants },
		};
	}

	/** Drops a pipeline that the driver refused, so that it can be tried again; returns the reason. */
	private async refused(entry: Pipeline, module: GPUShaderModule, reason: string): Promise<ShaderError> {
		if (this.pipelines.get(entry.key) === entry) this.pipelines.delete(entry.key);
		this.modules.delete(this.nameOf(entry.kernel));
		entry.failure = new ShaderError(await describe(entry, module, reason));
		return entry.failure;
	}

	private module(kernel: Kernel): GPUShaderModule {
		const name = this.nameOf(kernel);
		const cached = this.modules.get(name);
		if (cached !== undefined) return cached;
		const module = this.device.createShaderModule({ label: kernel.name, code: kernel.source });
		this.modules.set(name, module);
		return module;
	}

	private layout({ kinds, strides }: Declarations): Layout {
		const key = `${kinds} ${strides}`;
		const cached = this.layouts.get(key);
		if (cached !== undefined) return cached;
		const bindGroupLayout = this.device.createBindGroupLayout({
			entries: kinds.map((type, binding) => ({
				binding,
				visibility: 4 /* GPUShaderStage.COMPUTE */,
				buffer: { type },
			})),
		});
		const pipelineLayout = this.device.createPipelineLayout({ bindGroupLayouts: [bindGroupLayout] });
		const layout = { id: this.layouts.size, bindGroupLayout, pipelineLayout };
		this.layouts.set(key, layout);
		return layout;
	}
}

/** File, line, the compiler's message and the line of source; or the message of the pipeline's validation. */
async function describe({ kernel, constants }: Pipeline, module: GPUShaderModule, reason: string): Promise<string> {
	const { messages } = await module.getCompilationInfo();
	const lines = kernel.source.split("\n");
	const found = messages
		.filter(({ type }) => type === "error")
		.map(
			({ lineNum, linePos, message }) =>
				`${titleOf(kernel.name)}:${lineNum}:${linePos}: ${message}\n    ${(lines[lineNum - 1] ?? "").trim()}`,
		);
	if (found.length > 0) return `A kernel did not compile.\n${found.join("\n")}`;
	return `The pipeline of ${titleOf(kernel.name)} was refused (constants ${JSON.stringify(constants)}): ${reason}`;
}
