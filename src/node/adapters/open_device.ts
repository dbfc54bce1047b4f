import { checkWord } from "../../base/arguments.js";
import { NoAdapterError } from "../../base/errors.js";
import { describeAdapter, isNullBackend } from "../../gpu/adapter.js";
import { checkOpenDeviceOptions, type OpenDeviceOptions, openAdapter } from "../../tensor/open_device.js";
import type { Gpu } from "../../tensor/tensor.js";
import { choiceFile } from "./choice_file.js";
import { withDawnsLog } from "./dawn_log.js";
import { outOfFiles } from "./file_limit.js";
import { idle } from "./idle.js";
import { importWebGPU } from "./import_webgpu.js";
import { driverVariables, findLavapipe, hasVulkanLoader, unpackSwiftShader, withDriver } from "./swiftshader.js";

/** Which adapter to open: a GPU, or one of two implementations of Vulkan on the CPU. */
export const adapterChoices = ["gpu", "lavapipe", "swiftshader", "auto"] as const;
export type AdapterChoice = (typeof adapterChoices)[number];

export interface NodeOpenDeviceOptions extends OpenDeviceOptions {
	/** Default: the environment variable TESSERA_ADAPTER, else the first of GPU, lavapipe and SwiftShader that is there. */
	readonly adapter?: AdapterChoice | undefined;
}

/**
 * What Dawn's `create()` returned, by the variables that choose the driver: an instance reads them once. All devices of a driver
 * share its instance, because each instance has threads and open files of its own (on lavapipe five and one), which last until
 * the instance is collected, and the process crashes if it is collected while a device lives.
 */
const instances = new Map<string, GPU>();

/** Nanosecond timestamps: Dawn rounds them to 65 µs by default. */
const dawnOptions = ["disable-dawn-features=timestamp_quantization"];

/**
 * Opens a GPU through Dawn (the npm package `webgpu`); where there is none, a software driver of the system; where there
 * is none either, the SwiftShader that the npm package @sparticuz/chromium carries. A software adapter is announced in
 * one line on stderr.
 *
 * @throws NoAdapterError where nothing is found, or not what was asked for: it names what to install.
 */
export async function openDevice(options: NodeOpenDeviceOptions = {}): Promise<Gpu> {
	checkOpenDeviceOptions(options, ["adapter"]);
	const { TESSERA_ADAPTER } = process.env;
	const choice = checkChoice("adapter", options.adapter) ?? checkChoice("TESSERA_ADAPTER", TESSERA_ADAPTER);
	try {
		const adapter = await findAdapter(choice, options.powerPreference ?? "high-performance");
		const withIdle = describeAdapter(adapter).software ? { idle, ...options } : options;
		return await openAdapter(adapter, withIdle, choiceFile, announce);
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
	// Without a Vulkan loader Dawn finds nothing on Linux, and complains.
	const adapter = hasVulkanLoader() ? await requestAdapter(powerPreference) : undefined;
	if (choice === "gpu") {
		if (adapter !== undefined && !describeAdapter(adapter).software) return adapter;
		throw new NoAdapterError(
			"No GPU was found. Install your GPU's driver with Vulkan support (on Linux also libvulkan1), or choose TESSERA_ADAPTER=swiftshader to compute on the CPU.",
		);
	}
	if (adapter !== undefined) return adapter;
	try {
		return await swiftShader(powerPreference);
	} catch (cause) {
		throw new NoAdapterError(
			`No GPU and no software driver was found. Install your GPU's driver (on Linux with libvulkan1), or lavapipe (apt-get install mesa-vulkan-drivers libvulkan1), or SwiftShader. ${(cause as Error).message}`,
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
	const driver = await findLavapipe();
	if (driver === undefined)
		throw new NoAdapterError(
			"lavapipe is not installed. On Debian and Ubuntu: apt-get install mesa-vulkan-drivers libvulkan1 (Mesa 23 or newer; on Debian 12 from bookworm-backports).",
		);
	const adapter = await withDriver(driver, () => requestAdapter(powerPreference));
	if (adapter === undefined || !/llvmpipe|lavapipe/i.test(`${adapter.info.device} ${adapter.info.description}`))
		throw new NoAdapterError(
			"lavapipe is installed, but Dawn does not take it: it needs Mesa 23 or newer and libvulkan1 (on Debian 12 from bookworm-backports).",
		);
	return adapter;
}

async function swiftShader(powerPreference: GPUPowerPreference): Promise<GPUAdapter> {
	const adapter = await withDriver(await unpackSwiftShader(), () => requestAdapter(powerPreference));
	if (adapter === undefined) throw new NoAdapterError("SwiftShader was unpacked, but Dawn could not start it.");
	return adapter;
}

/** An adapter of the driver that the environment names; never Dawn's null backend. */
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
