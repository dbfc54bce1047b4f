import { decode } from "fast-png";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { useBins, useHistogram } from "../../../src/node/report/code_use.js";
import type { CurveChart } from "../../../src/node/report/page/chart_data.js";
import { pictureOf, shrink } from "../../../src/node/report/picture.js";
import { reportPage } from "../../../src/node/report/report_page.js";
import { downsample } from "../../../src/node/report/series.js";
import { modelPictures, reportData, stepRows } from "./report_data_of.js";

const test = suite("the page of a run");

/** The data of the page's charts. */
function chartsOf(page: string): CurveChart[] {
	const [, json = ""] = /<script type="application\/json" id="charts">(.*?)<\/script>/s.exec(page) ?? [];
	return JSON.parse(json);
}

function curveOf(page: string, chart: string, name: string) {
	return chartsOf(page)
		.find(({ id }) => id === chart)
		?.curves.find((curve) => curve.name === name);
}

test("everything from files is escaped", () => {
	const attack = `</script><img src=x onerror="alert('1')">&`;
	const page = reportPage(
		reportData({
			name: attack,
			config: { data: attack, [attack]: [attack], version: attack, classes: [attack, attack, attack] },
			prior: {
				steps: [],
				tests: [],
				metadata: { [attack]: attack },
				samples: { picture: undefined, bytes: 2e6, rows: undefined },
			},
		}),
	);
	assert.not.ok(page.includes("<img src=x"));
	assert.ok(page.includes("&#60;/script&#62;&#60;img src=x onerror=&#34;alert(&#39;1&#39;)&#34;&#62;&#38;"));
	assert.is(page.match(/<script/g)?.length, 2);
	assert.is(page.match(/<\/script>/g)?.length, 2);
	assert.match(page, /samples\.png has 2 MB/);
});

test("a page names its policy, refers to nothing outside, and has the licence of what it contains", () => {
	const page = reportPage(reportData());
	assert.match(page, /content="default-src &#39;none&#39;; img-src data:; .*script-src &#39;sha256-[\w+/]{43}=&#39;"/);
	const addresses = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address = ""]) => address);
	assert.ok(addresses.length > 20);
	for (const address of addresses) assert.match(address, /^(#|data:)/);
	assert.not.match(page, /@import|url\((?!data:)/);
	assert.match(page, /Permission is hereby granted, free of charge/);
	assert.match(page, /<html lang="en" data-state="running">/);
	assert.match(page, /Training running<\/strong>\s*<span>epoch 2 of 3, step 200</);
});

test("a run without rows, with one row, and with rows that are not finite", () => {
	const empty = reportPage(reportData({ metrics: { steps: [], tests: [] }, model: undefined, prior: undefined }));
	assert.match(empty, /No step has been logged yet/);
	assert.match(empty, /No epoch has been tested yet/);
	assert.equal(chartsOf(empty), []);
	const one = reportPage(reportData({ metrics: { steps: stepRows(1), tests: [] }, model: undefined }));
	assert.equal(curveOf(one, "chart-loss", "total"), { name: "total", colour: 1, x: [1], y: [3], dotted: true });
	const steps = stepRows(5).map((row) => (row.step === 3 ? { step: 3 } : row));
	const gap = reportPage(reportData({ metrics: { steps, tests: [] } }));
	assert.equal(curveOf(gap, "chart-nmse", "training batch")?.y, [2, 1, null, 0.5, 0.4]);
	for (const page of [empty, one, gap]) assert.not.match(page.replace(/<script>.*/s, ""), /NaN|undefined|Infinity/);
});

test("the axis of losses is logarithmic if they span more than a factor of 20, and only then", () => {
	const scaleOf = (count: number) =>
		chartsOf(reportPage(reportData({ metrics: { steps: stepRows(count), tests: [] } }))).find(
			({ id }) => id === "chart-nmse",
		)?.scale;
	assert.is(scaleOf(10), "from zero");
	assert.is(scaleOf(30), "logarithmic");
});

test("4096 codes and 100,000 steps: the most used codes, few points with the extremes, a small page", () => {
	const steps = stepRows(100_000);
	const spike = { ...(steps[54_321] as (typeof steps)[number]), loss: 1e4 };
	steps[54_321] = spike;
	const page = reportPage(reportData({ metrics: { steps, tests: [] }, model: modelPictures(4096) }));
	assert.ok(page.length < 1_000_000, `${page.length} characters`);
	assert.is(page.match(/title="Code \d+: /g)?.length, 1024);
	assert.match(
		page,
		/4,096 codes, 1,365 of them unused \(crossed out\), the most used first\. The 1,024 most used are shown\./,
	);
	assert.match(page, /<i class="unused"[^>]*title="Code 0: unused">/);
	const curve = curveOf(page, "chart-loss", "total");
	assert.ok(curve !== undefined && curve.x.length <= 2000, `${curve?.x.length} points`);
	assert.is(curve.y[curve.x.indexOf(spike.step)], 1e4);
	assert.is(curve.x[0], 1);
});

test("downsample keeps order, extremes and gaps", () => {
	const y = Array.from({ length: 1000 }, (_, i) => (i >= 300 && i < 500 ? null : (i * 37) % 101));
	const few = downsample({ x: y.map((_, i) => i), y }, 100);
	assert.ok(few.x.length <= 100);
	assert.equal(
		few.x,
		[...few.x].sort((a, b) => a - b),
	);
	const inGap = few.x.flatMap((x, i) => (x >= 300 && x < 500 ? [few.y[i]] : []));
	assert.ok(inGap.length >= 10 && inGap.every((value) => value === null), inGap.join());
	for (const [i, x] of few.x.entries()) assert.is(few.y[i], y[x]);
	assert.ok(few.y.includes(0) && few.y.includes(100));
});

test("the histogram of use counts codes relative to the mean", () => {
	// The mean is 16.
	assert.equal(useHistogram(Uint32Array.of(0, 1, 2, 8, 16, 32, 53, 16)), [1, 1, 1, 3, 2, 0]);
	assert.equal(useHistogram(Uint32Array.of(160, 0, 0, 0, 0, 0, 0, 0, 0, 0)), [9, 0, 0, 0, 0, 1]);
	assert.equal(useHistogram(new Uint32Array(3)), [3, 0, 0, 0, 0, 0]);
	assert.is(useBins.length, 6);
});

test("pictures are the means of squares, and PNG files of the size that they say", () => {
	const image = Uint8Array.of(0, 10, 99, 20, 30, 99, 99, 99, 99, /**/ 1, 1, 9, 1, 1, 9, 9, 9, 9);
	assert.equal(shrink(image, { channels: 2, height: 3, width: 3 }, 2), Uint8Array.of(15, 1));
	const { png, width, height } = pictureOf(image.subarray(0, 9), { channels: 1, height: 3, width: 3 });
	const decoded = decode(Buffer.from(png, "base64"));
	assert.equal([decoded.width, decoded.height, width, height], [3, 3, 3, 3]);
	assert.equal(Array.from(decoded.data), Array.from(image.subarray(0, 9)));
});

test.run();
