import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { NoAdapterError } from "../../base/errors.js";

type WebGPU = typeof import("webgpu");

/**
 * The package `webgpu` (Dawn), installed next to this package or, because `npx --package=tessera-gpu` installs this one in a
 * folder of its own, in the current folder.
 *
 * @throws NoAdapterError if it is not installed, or cannot be loaded on this system
 */
export async function importWebGPU(): Promise<WebGPU> {
	try {
		return await import("webgpu").catch((error: unknown) => {
			const path = isMissing(error) ? pathFromCurrentFolder() : undefined;
			if (path === undefined) throw error;
			return import(pathToFileURL(path).href) as Promise<WebGPU>;
		});
	} catch (cause) {
		throw new NoAdapterError(
			isMissing(cause)
				? "openDevice: the package webgpu, which brings WebGPU to Node, is not installed: run npm install webgpu."
				: `openDevice: the package webgpu cannot be loaded: ${(cause as Error).message}`,
			{ cause },
		);
	}
}

function isMissing(error: unknown): boolean {
	const { code, message } = error as NodeJS.ErrnoException;
	return code === "ERR_MODULE_NOT_FOUND" && /'webgpu'/.test(message);
}

function pathFromCurrentFolder(): string | undefined {
	try {
		return createRequire(join(process.cwd(), "package.json")).resolve("webgpu");
	} catch {
		return undefined; // not installed there either, or the current folder was removed
	}
}
