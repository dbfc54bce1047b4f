// Installs the package as published and compiles programs against its types, without skipLibCheck, with several versions of
// TypeScript and several sets of libraries.
//   npm run test:types
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const home = resolve("test/types");

interface Program {
	readonly files: readonly string[];
	readonly lib: readonly string[];
	readonly resolution: "nodenext" | "bundler";
}

const programs: Readonly<Record<string, Program>> = {
	"without DOM, as Node resolves": { files: ["library", "node"], lib: ["ES2022"], resolution: "nodenext" },
	"with DOM, as bundlers resolve": {
		files: ["library", "node"],
		lib: ["ES2022", "DOM", "DOM.Iterable"],
		resolution: "bundler",
	},
	"with using": { files: ["library", "using"], lib: ["ES2022", "ESNext.Disposable"], resolution: "bundler" },
	"with WebGPU's types": { files: ["library", "webgpu"], lib: ["ES2022", "DOM"], resolution: "nodenext" },
};

/** A folder into which the package was installed from its tarball. */
async function installed(): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), "tessera-types-"));
	const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder]);
	const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
	await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
	const quiet = ["--offline", "--no-audit", "--no-fund", "--ignore-scripts"];
	await run("npm", ["install", ...quiet, join(folder, filename)], { cwd: folder });
	await cp(join(home, "programs"), join(folder, "programs"), { recursive: true });
	await mkdir(join(folder, "node_modules/@webgpu"));
	await symlink(join(home, "node_modules/@webgpu/types"), join(folder, "node_modules/@webgpu/types"));
	return folder;
}

/** The errors that the compiler reports for a program. */
async function compile(folder: string, version: string, { files, lib, resolution }: Program) {
	// From TypeScript 6 on, DOM has WebGPU's types.
	const types = files.includes("webgpu") && version < "typescript-6" ? ["@webgpu/types"] : [];
	const options = {
		compilerOptions: {
			target: "ES2022",
			lib,
			types,
			module: resolution === "nodenext" ? "NodeNext" : "ESNext",
			moduleResolution: resolution,
			strict: true,
			exactOptionalPropertyTypes: true,
			noUncheckedIndexedAccess: true,
			skipLibCheck: false,
			noEmit: true,
		},
		files: files.map((file) => `programs/${file}.ts`),
	};
	await writeFile(join(folder, "tsconfig.json"), JSON.stringify(options));
	try {
		await run(process.execPath, [join(home, "node_modules", version, "bin/tsc"), "-p", folder], { cwd: folder });
		return "";
	} catch (error) {
		return (error as { stdout: string }).stdout || String(error);
	}
}

const versions = (await readdir(join(home, "node_modules"))).filter((name) => name.startsWith("typescript-")).sort();
const folder = await installed();
let passed = 0;
let failed = 0;
try {
	for (const version of versions)
		for (const [name, program] of Object.entries(programs)) {
			const complaints = await compile(folder, version, program);
			console.log(`${complaints === "" ? "ok    " : "FAILED"}  ${version}  ${name}`);
			if (complaints === "") passed++;
			else {
				failed++;
				console.log(complaints);
			}
		}
} finally {
	await rm(folder, { recursive: true });
}
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
console.log(`${passed} passed, ${failed} failed`);
