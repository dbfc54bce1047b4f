import { suite } from "uvu";
import * as assert from "uvu/assert";
import { differ, spreadOf } from "../../../bench/harness/statistics.js";
import { type Contender, timeAlternately } from "../../../bench/harness/timing.js";

const test = suite("benchmark statistics");

test("median and quartiles, interpolated, whatever the order", () => {
	assert.equal(spreadOf([5, 1, 4, 2, 3]), { median: 3, quartiles: [2, 4], runs: 5 });
	assert.equal(spreadOf([10, 20, 40, 30]), { median: 25, quartiles: [17.5, 32.5], runs: 4 });
	assert.equal(spreadOf([7]), { median: 7, quartiles: [7, 7], runs: 1 });
	assert.throws(() => spreadOf([]), /no times/);
});

test("medians differ if they are further apart than both spreads together", () => {
	const steady = { median: 100, quartiles: [98, 102], runs: 7 } as const;
	const noisy = { median: 110, quartiles: [100, 120], runs: 7 } as const;
	assert.not.ok(differ(steady, noisy));
	assert.not.ok(differ(noisy, steady));
	assert.ok(differ(steady, { ...noisy, median: 130 }));
	assert.ok(differ(steady, { median: 90, quartiles: [89, 91], runs: 7 }));
});

test("a spread of nothing still leaves 1 %, and 10 % of two runs", () => {
	const exact = (median: number, runs: number) => ({ median, quartiles: [median, median], runs }) as const;
	assert.not.ok(differ(exact(100, 7), exact(101, 7)));
	assert.ok(differ(exact(100, 7), exact(102, 7)));
	assert.not.ok(differ(exact(100, 2), exact(110, 2)));
	assert.ok(differ(exact(100, 2), exact(120, 2)));
});

/** A clock that only calls move on, so that nothing here depends on the machine. */
let time = 0;
const now = () => time;

/** A contender whose calls take so many milliseconds, and that notes when it is called. */
function busy(name: string, milliseconds: number, calls: string[]): Contender {
	return {
		name,
		call: () => {
			calls.push(name);
			time += milliseconds;
		},
		finish: async () => undefined,
	};
}

test("contenders take turns in an order that reverses, after calls that are not counted", async () => {
	const calls: string[] = [];
	const results = await timeAlternately([busy("a", 60, calls), busy("b", 60, calls)], { rounds: 3, budget: 60, now });
	assert.is(results.get("a")?.runs, 6);
	assert.is(results.get("b")?.runs, 6);
	assert.is(calls.join(""), "aabb" + "aabb" + "bbaa" + "aabb");
	assert.is(results.get("a")?.median, 60);
});

test("next to a slow contender, a turn of a quicker one takes several samples", async () => {
	const calls: string[] = [];
	const contenders = [busy("a", 300, calls), { ...busy("b", 8000, calls), before: 8000 }];
	const results = await timeAlternately(contenders, { rounds: 1, budget: 60, now });
	assert.is(calls.join(""), "aa" + "aaab");
	assert.is(results.get("a")?.runs, 3);
});

test("a sample of quick calls holds several of them, and its time is a call's", async () => {
	const calls: string[] = [];
	const results = await timeAlternately([busy("a", 1, calls)], { rounds: 2, budget: 60, now });
	assert.is(results.get("a")?.runs, 10);
	assert.ok(calls.length >= 2 + 10 * 4, `${calls.length} calls`);
	assert.is(results.get("a")?.median, 1);
});

test("no round begins after the budget but a second, unless the first took four times as long", async () => {
	const calls: string[] = [];
	await timeAlternately([busy("a", 110, calls)], { rounds: 7, budget: 0.05, now });
	assert.is(calls.length, 2 + 2);
	await timeAlternately([busy("a", 110, calls)], { rounds: 7, budget: 0.01, now });
	assert.is(calls.length, 4 + 2 + 1);
});

test("what was called before, and took long, is not warmed up again", async () => {
	const calls: string[] = [];
	await timeAlternately([{ ...busy("a", 110, calls), before: 600 }], { rounds: 2, budget: 60, now });
	assert.is(calls.length, 2);
	const results = await timeAlternately([{ ...busy("a", 110, calls), before: 600 }], { rounds: 2, budget: 0.05, now });
	assert.is(calls.length, 2);
	assert.equal(results.get("a"), { median: 600, quartiles: [600, 600], runs: 1, least: 600, onlyEarlier: true });
});

test.run();
