import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { parseTar } from "nanotar";

const decompress = promisify(brotliDecompress);

/** A browser to start, and what its environment needs besides ours. */
export interface Chromium {
	readonly path: string;
	readonly environment: Record<string, string>;
}

/** The browser that TESSERA_BROWSER names, else an installed one, else the one that @sparticuz/chromium carries. */
export async function findChromium(): Promise<Chromium> {
	const named = process.env.TESSERA_BROWSER;
	if (named) return { path: named, environment: {} };
	const installed = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find(existsSync);
	if (installed) return { path: installed, environment: {} };
	const folder = await unpackChromium();
	return {
		path: join(folder, "chromium"),
		environment: {
			LD_LIBRARY_PATH: [join(folder, "lib"), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":"),
			FONTCONFIG_PATH: join(folder, "fonts"),
		},
	};
}

/**
 * Unpacks @sparticuz/chromium (a headless shell for Linux x64) into the temporary folder, once: the browser, SwiftShader
 * next to it, and the system libraries (NSS, NSPR, expat) and fonts that a bare machine lacks.
 */
async function unpackChromium(): Promise<string> {
	const entry = createRequire(import.meta.url).resolve("@sparticuz/chromium");
	const root = resolve(dirname(entry), "../..");
	const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
	const folder = join(tmpdir(), `tessera-chromium-${version}`);
	if (existsSync(folder)) return folder;
	// Unpacked to another name and then renamed: another process sees all of it or nothing.
	const unfinished = await mkdtemp(`${folder}-`);
	const binaries = join(root, "bin");
	await writeFile(join(unfinished, "chromium"), await decompress(await readFile(join(binaries, "chromium.br"))));
	await chmod(join(unfinished, "chromium"), 0o755);
	for (const archive of ["swiftshader", "al2023", "fonts"]) {
		await unpackTar(await decompress(await readFile(join(binaries, `${archive}.tar.br`))), unfinished);
	}
	try {
		await rename(unfinished, folder);
	} catch (error) {
		if (!existsSync(folder)) throw error;
		await rm(unfinished, { recursive: true });
	}
	return folder;
}

/** Writes the files of a tar archive into a folder. */
async function unpackTar(archive: Uint8Array, folder: string): Promise<void> {
	for (const { name, type, data } of parseTar(archive)) {
		if (type !== "file" || !data) continue;
		const path = resolve(folder, name);
		await mkdir(dirname(path), { recursive: true });
		await writeFile(path, data, { mode: 0o755 });
	}
}
