import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ArgumentError } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
	compareReports,
	parseReport,
	type Report,
	type Row,
	readEarlier,
	reportPath,
	slug,
	writeReport,
} from "../../../bench/harness/report.js";
import { timesOf } from "../../../bench/harness/times.js";

const test = suite("benchmark reports");

/** A median with the times around it. */
function spread(median: number) {
	return { median, quartiles: [median * 0.98, median * 1.02], runs: 7 } as const;
}

function row(name: string, ours: number, tfjs: number | null, jax: number | null = null): Row {
	const times = new Map([["ours", spread(ours)]]);
	if (tfjs !== null) times.set("tfjs", spread(tfjs));
	if (jax !== null) times.set("jax-js", spread(jax));
	return {
		name,
		...timesOf(times),
		gflops: 10,
		ceiling_gflops: [24, 26],
		copy_gbs: [5, 5],
		ceiling_share: 0.4,
		bandwidth_share: null,
		intensity: null,
		bound: null,
	};
}

function report(...rows: Row[]): Report {
	return {
		benchmark: "argmin",
		adapter: "some-gpu",
		driver: "driver 1.2",
		date: "2026-01-01T00:00:00.000Z",
		versions: { tessera: "0.1.0", tfjs: "4.22.0", jax: "0.1.25" },
		rows,
	};
}

test("files are named after the adapter and the benchmark, unless a file is named", () => {
	assert.is(slug("llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)"), "llvmpipe-mesa-25-0-7-llvm-15-0-6");
	assert.is(reportPath(undefined, "a-b", "conv"), join("bench", "results", "a-b.conv.json"));
	assert.is(reportPath("old", "a-b", "conv"), join("old", "a-b.conv.json"));
	assert.is(reportPath("old/x.json", "a-b", "conv"), "old/x.json");
});

test("a report that was written is read again, and a chart is next to it", async () => {
	const folder = await mkdtemp(join(tmpdir(), "tessera-test-"));
	try {
		const written = report(row("6272x128x16", 2, 50, 80), row("1000x1000x100", 4, 2), row("1x1x1", 1, 9, 3));
		const path = join(folder, "some-gpu.argmin.json");
		assert.equal(await writeReport(written, path), [path, path.replace(".json", ".svg")]);
		assert.equal(await readEarlier(path, "", ""), written);
		assert.equal(await readEarlier(folder, written.adapter, "argmin"), written);
		assert.is(await readEarlier(folder, written.adapter, "conv"), undefined);
		const svg = await readFile(path.replace(".json", ".svg"), "utf8");
		for (const text of ["6272x128x16", "25.0×", "0.50×", "3.00×", "some-gpu (driver 1.2)", "jax-js 0.1.25"])
			assert.ok(svg.includes(text), text);
		assert.not.match(svg, /NaN|undefined|Infinity/);
	} finally {
		await rm(folder, { recursive: true });
	}
});

test("without tfjs and jax-js there is no chart", async () => {
	const folder = await mkdtemp(join(tmpdir(), "tessera-test-"));
	try {
		const path = join(folder, "x.json");
		assert.equal(await writeReport(report(row("a", 1, null)), path), [path]);
	} finally {
		await rm(folder, { recursive: true });
	}
});

test("a file that is missing, or no report, is refused", async () => {
	for (const text of ["", "{}", "null", '{"adapter":"a","rows":[{"name":"x"}]}'])
		assert.throws(
			() => parseReport(text, "x.json"),
			(error: Error) => error instanceof ArgumentError && error.message.includes("x.json"),
		);
	try {
		await readEarlier("not-there.json", "", "");
		assert.unreachable();
	} catch (error) {
		assert.is((error as NodeJS.ErrnoException).code, "ENOENT");
	}
});

test("the times of a row are those of the fastest setting of tfjs, of jax-js, and the ratio to the faster of both", () => {
	const results = new Map([
		["ours", spread(2)],
		["tfjs naive", spread(50)],
		["tfjs matmul", spread(40)],
		["tfjs lean", spread(1)],
		["jax-js", spread(30)],
	]);
	assert.equal(timesOf(results), {
		ours_ms: 2,
		ours_quartiles: spread(2).quartiles,
		ours_runs: 7,
		tfjs_ms: 40,
		tfjs_quartiles: spread(40).quartiles,
		tfjs_runs: 7,
		ratio: 20,
		jax_ms: 30,
		jax_quartiles: spread(30).quartiles,
		jax_runs: 7,
		jax_ratio: 15,
		peer_ratio: 15,
	});
	results.delete("jax-js");
	const { jax_ms, jax_ratio, peer_ratio } = timesOf(results);
	assert.equal({ jax_ms, jax_ratio, peer_ratio }, { jax_ms: null, jax_ratio: null, peer_ratio: 20 });
	assert.is(timesOf(new Map([["ours", spread(2)]])).peer_ratio, null);
	assert.throws(() => timesOf(new Map()), /ours was not measured/);
});

test("a comparison tells what moved beyond the noise, and how tfjs moved", () => {
	const before = report(row("same", 100, 1000), row("faster", 100, null), row("slower", 100, 1000), row("gone", 1, 1));
	const after = report(row("slower", 130, 1500), row("same", 102, 1000), row("faster", 50, 400), row("new", 1, 1));
	assert.equal(compareReports(before, after), [
		{ name: "slower", before: 100, after: 130, verdict: "slower", tfjs: 1.5 },
		{ name: "same", before: 100, after: 102, verdict: "as before", tfjs: 1 },
		{ name: "faster", before: 100, after: 50, verdict: "faster", tfjs: null },
	]);
});

test.run();
