import { checkWord } from "../../base/arguments.js";
import { NoAdapterError } from "../../base/errors.js";
import { describeAdapter, isNullBackend } from "../../gpu/adapter.js";
import { checkOpenDeviceOptions, debugOutputs, type OpenDeviceOptions, openAdapter } from "../../tensor/open_device.js";
import type { Gpu } from "../../tensor/tensor.js";
import { choiceFile } from "./choice_file.js";
import { withDawnsLog } from "./dawn_log.js";
import { outOfFiles } from "./file_limit.js";
import { idle } from "./idle.js";
import { importWebGPU } from "./import_webgpu.js";
import { driverVariables, findMesaDriver, hasVulkanLoader, unpackSwiftShader, withDriver } from "./swiftshader.js";

/** Which adapter to open: a GPU, one of two implementations of Vulkan on the CPU, or the first that is available. */
export const adapterChoices = ["gpu", "lavapipe", "swiftshader", "auto"] as const;
export type AdapterChoice = (typeof adapterChoices)[number];

export interface NodeOpenDeviceOptions extends OpenDeviceOptions {
	/** Default: the environment variable TESSERA_ADAPTER, else "auto": the first available of GPU, lavapipe and SwiftShader. */
	readonly adapter?: AdapterChoice | undefined;
}

/**
 * What Dawn's `create()` returned, by the environment variables that choose the driver, which an instance reads once. All
 * devices of a driver share one instance: each instance has its own threads and open files (on lavapipe five and one) until it
 * is garbage collected, and the process crashes if it is collected while a device lives.
 */
const instances = new Map<string, GPU>();

/** By default Dawn rounds timestamps to 65 µs. */
const dawnOptions = ["disable-dawn-features=timestamp_quantization"];

/**
 * Opens a GPU through Dawn (the npm package `webgpu`). Without a GPU it opens a software driver of the system, and without
 * one the SwiftShader of the npm package @sparticuz/chromium. A software adapter is announced in one line on stderr.
 *
 * @throws NoAdapterError if there is no adapter, or not the one that was asked for; the message names what to install
 */
export async function openDevice(options: NodeOpenDeviceOptions = {}): Promise<Gpu> {
	checkOpenDeviceOptions(options, ["adapter"]);
	const { TESSERA_ADAPTER, TESSERA_DEBUG = "" } = process.env;
	const choice = checkChoice("adapter", options.adapter) ?? checkChoice("TESSERA_ADAPTER", TESSERA_ADAPTER);
	const debug =
		TESSERA_DEBUG === "" ? undefined : checkWord("openDevice", "TESSERA_DEBUG", TESSERA_DEBUG, debugOutputs);
	try {
		const adapter = await findAdapter(choice, options.powerPreference ?? "high-performance");
		const withIdle = describeAdapter(adapter).software ? { idle, ...options } : options;
		return await openAdapter(adapter, { ...withIdle, debug: options.debug ?? debug }, choiceFile, announce);
	} catch (error) {
		throw (await outOfFiles(error)) ?? error;
	}
}

async function findAdapter(
	choice: AdapterChoice | undefined,
	powerPreference: GPUPowerPreference,
): Promise<GPUAdapter> {
	if (choice === "swiftshader") return swiftShader(powerPreference);
	if (choice === "lavapipe") return lavapipe(powerPreference);
	// On Linux without a Vulkan loader, Dawn would only print a warning.
	const adapter = hasVulkanLoader() ? await requestAdapter(powerPreference) : undefined;
	if (choice === "gpu") {
		if (adapter !== undefined && !describeAdapter(adapter).software) return adapter;
		throw new NoAdapterError(
			'openDevice: adapter "gpu" was not found. Install your GPU\'s driver with Vulkan support (on Linux also libvulkan1), or choose "swiftshader" to compute on the CPU.',
		);
	}
	if (adapter !== undefined) return adapter;
	try {
		return await swiftShader(powerPreference);
	} catch (cause) {
		throw new NoAdapterError(
			`openDevice: there is no GPU and no software driver. Install your GPU's driver (on Linux also libvulkan1), or lavapipe (apt-get install mesa-vulkan-drivers libvulkan1), or SwiftShader: ${(cause as Error).message}`,
			{ cause },
		);
	}
}

function checkChoice(name: string, value: string | undefined): AdapterChoice | undefined {
	if (value === undefined || value === "") return undefined;
	const choice = checkWord("openDevice", name, value, adapterChoices);
	return choice === "auto" ? undefined : choice;
}

async function lavapipe(powerPreference: GPUPowerPreference): Promise<GPUAdapter> {
	const driver = await findMesaDriver("lvp");
	if (driver === undefined)
		throw new NoAdapterError(
			'openDevice: adapter "lavapipe" is not installed. On Debian and Ubuntu: apt-get install mesa-vulkan-drivers libvulkan1 (Mesa 23 or newer; on Debian 12 from bookworm-backports).',
		);
	const adapter = await withDriver(driver, () => requestAdapter(powerPreference));
	if (adapter === undefined || !/llvmpipe|lavapipe/i.test(`${adapter.info.device} ${adapter.info.description}`))
		throw new NoAdapterError(
			'openDevice: adapter "lavapipe" is installed, but Dawn does not accept it: install Mesa 23 or newer and libvulkan1 (on Debian 12 from bookworm-backports).',
		);
	return adapter;
}

async function swiftShader(powerPreference: GPUPowerPreference): Promise<GPUAdapter> {
	const adapter = await withDriver(await unpackSwiftShader(), () => requestAdapter(powerPreference));
	if (adapter === undefined)
		throw new NoAdapterError(
			'openDevice: adapter "swiftshader" was unpacked, but Dawn could not open it: choose another adapter.',
		);
	return adapter;
}

/** An adapter of the driver that the environment variables name; never Dawn's null backend, which computes nothing. */
async function requestAdapter(powerPreference: GPUPowerPreference): Promise<GPUAdapter | undefined> {
	const { create, globals } = await importWebGPU();
	Object.assign(globalThis, globals);
	const driver = driverVariables.map((name) => process.env[name] ?? "").join("\n");
	const instance = instances.get(driver) ?? create(dawnOptions);
	const adapter = await withDawnsLog(() => instance.requestAdapter({ powerPreference }));
	if (adapter === null || isNullBackend(adapter)) return undefined;
	instances.set(driver, instance);
	return adapter;
}

function announce(description: string): void {
	const faster = /swiftshader/i.test(description)
		? "A GPU would be far faster; lavapipe (mesa-vulkan-drivers) 3 to 5 times."
		: "A GPU would be far faster.";
	process.stderr.write(`Tessera computes on the CPU (${description}). ${faster}\n`);
}
