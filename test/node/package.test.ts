import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const dist = fileURLToPath(new URL("../../../../dist/", import.meta.url));
const scripts = (await readdir(dist, { recursive: true })).filter((file) => file.endsWith(".js")).sort();

const test = suite("the package");

/** The sources of a published script, as its map names them, relative to the root of the repository. */
async function sourcesOf(script: string): Promise<string[]> {
	const path = join(dist, `${script}.map`);
	const { sources } = JSON.parse(await readFile(path, "utf8")) as { sources: string[] };
	return sources.map((source) => relative(dirname(dist), join(dirname(path), source)));
}

test("every script has a map to its sources, and short lines", async () => {
	assert.ok(scripts.length > 8, scripts.join());
	for (const script of scripts) {
		const text = await readFile(join(dist, script), "utf8");
		assert.match(text, /\n\/\/# sourceMappingURL=\S+\.js\.map\n$/, script);
		if (script.startsWith("node/cli")) continue; // it holds packages that have long lines
		const longest = Math.max(...text.split("\n").map((line) => line.length));
		assert.ok(longest < 1000, `${script} has a line of ${longest} characters`);
	}
	const sources = (await Promise.all(scripts.map(sourcesOf))).flat();
	for (const source of ["src/ops/convolution/conv2d.ts", "src/gpu/device.ts", "src/prior/prior_trainer.ts"])
		assert.ok(sources.includes(source), source);
});

/** What an uncaught error prints: the call of relu without a tensor, in a process of its own. */
async function uncaught(...flags: string[]): Promise<string[]> {
	const index = pathToFileURL(join(dist, "index.js")).href;
	const code = `import { relu } from ${JSON.stringify(index)};\nrelu(undefined);`;
	try {
		await promisify(execFile)(process.execPath, [...flags, "--input-type=module", "-e", code], { timeout: 60_000 });
	} catch (error) {
		return (error as { stderr: string }).stderr.split("\n");
	}
	throw new Error("relu(undefined) has thrown nothing");
}

test("an uncaught error prints its message within 40 short lines, and with source maps where it was thrown", async () => {
	for (const flags of [[], ["--enable-source-maps"]]) {
		const lines = await uncaught(...flags);
		const at = lines.findIndex((line) => /^\w*Error: relu/.test(line));
		assert.ok(at >= 0 && at < 40, lines.slice(0, 50).join("\n"));
		assert.ok(lines.join("\n").length < 5000, `${lines.join("\n").length} characters`);
		assert.match(lines.slice(at).join("\n"), /\n\s+at (Module\.)?relu /);
		if (flags.length > 0) assert.match(lines.slice(at).join("\n"), /\/src\/ops\/relu\.ts:\d+:\d+/);
	}
});

test("the notices name every package that was bundled, nested ones with their own versions", async () => {
	const sources = (await Promise.all(scripts.map(sourcesOf))).flat();
	const folders = new Set(sources.flatMap((source) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(source)?.[0] ?? []));
	const bundled = new Set<string>();
	for (const folder of folders) {
		const { name, version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
		bundled.add(`${name} ${version}`);
	}
	assert.ok(bundled.size > 20, `${bundled.size} packages`);
	const notices = await readFile(join(dist, "THIRD_PARTY_LICENSES.txt"), "utf8");
	const sections = notices.split(`\n${"-".repeat(80)}\n\n`);
	assert.equal(
		sections.map((section) => section.slice(0, section.indexOf("\n"))),
		[...bundled].sort(),
	);
	for (const section of sections) assert.ok(section.length > 100 || /Licence: \S/.test(section), section);
});

test.run();
