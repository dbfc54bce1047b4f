import { suite } from "uvu";
import * as assert from "uvu/assert";
import { idle } from "../../../src/node/adapters/idle.js";

const test = suite("waiting for the GPU");

const after = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("the thread sleeps most of a wait, and the event loop keeps turning", async () => {
	let turns = 0;
	const ticks = setInterval(() => turns++, 5);
	// What Dawn does while a promise is pending: it asks for another turn at once.
	let pending = true;
	const spin = () => pending && setImmediate(spin);
	spin();
	const start = process.cpuUsage();
	const wake = idle();
	await after(300);
	wake();
	const { user, system } = process.cpuUsage(start);
	pending = false;
	clearInterval(ticks);
	assert.ok(turns >= 15, `${turns} turns`);
	assert.ok(user + system < 200_000, `${(user + system) / 1000} ms of work in 300 ms`);
});

test("short waits are not drawn out", async () => {
	const start = performance.now();
	for (let i = 0; i < 100; i++) {
		const wake = idle();
		await Promise.resolve();
		wake();
		wake();
	}
	assert.ok(performance.now() - start < 100, `${performance.now() - start} ms`);
});

test.run();
