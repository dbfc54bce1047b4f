import { createHash } from "node:crypto";
import { access, readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { parseTar } from "nanotar";
import { NoAdapterError } from "../../base/errors.js";
import { cacheFolder, readRegularFile, writeFileAtomic } from "../files.js";

/** What a Vulkan loader needs to load a driver. */
export interface VulkanDriver {
	/** The driver's manifest, for VK_DRIVER_FILES. */
	readonly manifest: string;
	/** The path of a Vulkan loader, for systems without one. */
	readonly loader?: string;
}

const driverFiles = ["libvulkan.so.1", "libvk_swiftshader.so", "vk_swiftshader_icd.json"] as const;
const installHint = "run npm install @sparticuz/chromium, which contains the driver for Linux on x64.";

/**
 * The SwiftShader (a Vulkan driver for the CPU) of the package @sparticuz/chromium, unpacked into the cache folder on first use.
 *
 * @throws NoAdapterError if the package is not installed, or the system is not Linux on x64
 */
export async function unpackSwiftShader(): Promise<VulkanDriver> {
	if (process.platform !== "linux" || process.arch !== "x64")
		throw new NoAdapterError(
			`openDevice: adapter "swiftshader" is available for Linux on x64, but this is ${process.platform} on ${process.arch}: choose another adapter.`,
		);
	const root = await packageFolder();
	const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
	const folder = join(cacheFolder(), `swiftshader-${version}`);
	const driver = { manifest: join(folder, "vk_swiftshader_icd.json"), loader: join(folder, "libvulkan.so.1") };
	const list = join(folder, "contents.json");
	if (await isIntact(folder, list)) return driver;

	const compressed = await readFile(join(root, "bin", "swiftshader.tar.br"));
	const files = parseTar(await promisify(brotliDecompress)(compressed));
	const sums: Record<string, string> = {};
	for (const name of driverFiles) {
		const file = files.find((entry) => entry.name.split("/").at(-1) === name);
		if (file?.data === undefined)
			throw new NoAdapterError(
				`openDevice: @sparticuz/chromium ${version} does not contain ${name}: install version 147.`,
			);
		await writeFileAtomic(join(folder, name), file.data);
		sums[name] = sha256(file.data);
	}
	// Written last: if it exists, the other files are complete.
	await writeFileAtomic(list, `${JSON.stringify(sums, undefined, "\t")}\n`);
	return driver;
}

/** Whether the unpacked files are unchanged; a truncated library would end the process with SIGBUS. */
async function isIntact(folder: string, list: string): Promise<boolean> {
	try {
		const sums: Record<string, unknown> | null = JSON.parse((await readRegularFile(list)).toString());
		for (const name of driverFiles)
			if (sums?.[name] !== sha256(await readRegularFile(join(folder, name)))) return false;
		return true;
	} catch {
		return false;
	}
}

function sha256(bytes: Uint8Array): string {
	return createHash("sha256").update(bytes).digest("hex");
}

/**
 * The driver of Mesa whose manifest begins with this name, "lvp" (lavapipe) or "radeon", if it is
 * installed.
 */
export async function findMesaDriver(name: "lvp" | "radeon"): Promise<VulkanDriver | undefined> {
	for (const folder of ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"]) {
		const files = await readdir(folder).catch(() => []);
		const manifest = files.find((file) => file.startsWith(`${name}_icd`) && file.endsWith(".json"));
		if (manifest !== undefined) return { manifest: join(folder, manifest) };
	}
	return undefined;
}

/** The environment variables by which the Vulkan loader finds drivers. */
export const driverVariables = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] as const;

/** Runs `body`, which requests an adapter from Dawn, while the Vulkan loader of this process finds only this driver. */
export async function withDriver<T>({ manifest, loader }: VulkanDriver, body: () => Promise<T>): Promise<T> {
	const before = driverVariables.map((name) => process.env[name]);
	for (const name of driverVariables) process.env[name] = manifest;
	if (loader !== undefined && !loads("libvulkan.so.1")) loads(loader);
	try {
		return await body();
	} finally {
		for (const [i, name] of driverVariables.entries()) {
			const value = before[i];
			if (value === undefined) delete process.env[name];
			else process.env[name] = value;
		}
	}
}

/** Whether the system has the Vulkan loader, which Dawn needs on Linux. */
export function hasVulkanLoader(): boolean {
	return process.platform !== "linux" || loads("libvulkan.so.1");
}

/**
 * Loads a shared library into the process, so that Dawn finds it by its name.
 *
 * @returns whether it is loaded
 */
function loads(library: string): boolean {
	const keepLoaded = 0x1000; // RTLD_NODELETE
	try {
		process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_LAZY | keepLoaded);
		return true;
	} catch (error) {
		// Node loads a library that is no add-on, and then throws.
		return /self-regist/.test((error as Error).message);
	}
}

async function packageFolder(): Promise<string> {
	for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
		try {
			let folder = dirname(createRequire(from).resolve("@sparticuz/chromium"));
			while (!(await isThere(join(folder, "bin", "swiftshader.tar.br")))) {
				if (dirname(folder) === folder) throw new Error("not found");
				folder = dirname(folder);
			}
			return folder;
		} catch {
			// try the next place
		}
	}
	throw new NoAdapterError(`openDevice: adapter "swiftshader" is not installed: ${installHint}`);
}

async function isThere(path: string): Promise<boolean> {
	return access(path).then(
		() => true,
		() => false,
	);
}
