import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Mutant } from "./mutant.js";

const run = promisify(execFile);

/** What became of a program: how it ended, or "timeout". */
export interface Ending {
	readonly code: number | "failed" | "timeout";
	readonly output: string;
	readonly milliseconds: number;
}

/** How uvu begins the report of a test that failed, with the test's name. */
const failure = /FAIL\s+(.*)/;

/** The name of the first test that failed. */
export function failedTest(output: string): string | undefined {
	return failure.exec(output)?.[1]?.trim();
}

/** A copy of the working tree, in which sources are changed and tests run. */
export class Workspace {
	private constructor(
		private readonly folder: string,
		private readonly environment: NodeJS.ProcessEnv,
	) {}

	/** @param cache folder that takes the place of the user's cache folder, which a mutant could damage */
	static async create(cache: string): Promise<Workspace> {
		const folder = await mkdtemp(join(tmpdir(), "tessera-mutants-"));
		const { stdout } = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
			maxBuffer: 2 ** 26,
		});
		for (const file of new Set(stdout.split("\0").filter((name) => name !== ""))) {
			await mkdir(join(folder, dirname(file)), { recursive: true });
			// A file that was deleted but not committed is still listed.
			await cp(file, join(folder, file)).catch((error: NodeJS.ErrnoException) => {
				if (error.code !== "ENOENT") throw error;
			});
		}
		await symlink(resolve("node_modules"), join(folder, "node_modules"));
		const temporary = join(folder, ".temporary");
		await mkdir(temporary);
		return new Workspace(folder, { ...process.env, TMPDIR: temporary, XDG_CACHE_HOME: cache });
	}

	/** Runs `body` with the change of a mutant made. */
	async changed<T>({ file, find, replace }: Mutant, body: () => Promise<T>): Promise<T> {
		const path = join(this.folder, file);
		const text = await readFile(path, "utf8");
		await writeFile(
			path,
			text.replace(find, () => replace),
		);
		try {
			return await body();
		} finally {
			await writeFile(path, text);
		}
	}

	/** Builds the tests, and what the command line is tested by; types are not checked. */
	async build(commandLine: boolean): Promise<Ending> {
		const patience = 120_000;
		const tests = await this.run(["build.mjs", "--tests"], patience);
		return tests.code === 0 && commandLine ? this.run(["build.mjs", "--no-types"], patience) : tests;
	}

	/** Runs test files until one fails. */
	test(suites: readonly string[], patience: number): Promise<Ending> {
		return this.run(["build/test/node/run.js", ...suites.map((suite) => `${suite}.test.js`)], patience);
	}

	async remove(): Promise<void> {
		await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
	}

	private run(words: readonly string[], patience: number): Promise<Ending> {
		return new Promise((done, failed) => {
			const start = performance.now();
			const child = spawn(process.execPath, words, { cwd: this.folder, env: this.environment, detached: true });
			let code: Ending["code"] | undefined;
			let output = "";
			// With the commands that the tests have started, which are of its process group.
			const stop = (as: Ending["code"]) => {
				code ??= as;
				if (child.pid === undefined) return;
				try {
					process.kill(-child.pid, "SIGKILL");
				} catch (error) {
					if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
				}
			};
			const timer = setTimeout(() => stop("timeout"), patience);
			const take = (text: Buffer) => {
				output += text;
				if (/FAIL .*\n/.test(output)) stop("failed");
			};
			child.stdout.on("data", take);
			child.stderr.on("data", take);
			child.on("error", failed);
			child.on("close", (exit) => {
				clearTimeout(timer);
				done({ code: code ?? exit ?? "failed", output, milliseconds: performance.now() - start });
			});
		});
	}
}
