import { uniformInt } from "pure-rand/distribution/uniformInt";
import { Random } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("Random");

test("integer draws the numbers of pure-rand's uniformInt", () => {
	for (const count of [1, 2, 3, 7, 10, 1000, 65537, 2 ** 31 - 1, 2 ** 31 + 1, 3 * 2 ** 30, 2 ** 32 - 1, 2 ** 32]) {
		const ours = new Random(count % 89);
		const theirs = new Random(count % 89);
		const { generator } = theirs as unknown as { generator: Parameters<typeof uniformInt>[0] };
		for (let i = 0; i < 100; i++) {
			const value = ours.integer(count);
			assert.ok(Number.isInteger(value) && value >= 0 && value < count, `${value} of ${count}`);
			assert.is(value, uniformInt(generator, 0, count - 1));
		}
	}
});

test("every order is as likely, also those that leave numbers in their place", () => {
	const random = new Random(2);
	const counts = new Map<string, number>();
	const draws = 2400;
	for (let i = 0; i < draws; i++) {
		const order = random.permutation(4).join("");
		counts.set(order, (counts.get(order) ?? 0) + 1);
	}
	assert.is(counts.size, 24);
	for (const [order, count] of counts) assert.ok(Math.abs(count - draws / 24) < 50, `${order}: ${count} of ${draws}`);
});

test("normal numbers are not repeated, and a fork draws other numbers than its parent", () => {
	const random = new Random(3);
	const drawn = Array.from({ length: 100 }, () => random.normal());
	assert.is(new Set(drawn).size, 100);
	const [parent, fork] = [new Random(4), new Random(4).fork()];
	const next = (of: Random) => Array.from({ length: 5 }, () => of.integer(1e6));
	assert.not.equal(next(fork), next(parent));
	assert.equal(next(new Random(4).fork()), next(new Random(4).fork()));
});

test.run();
