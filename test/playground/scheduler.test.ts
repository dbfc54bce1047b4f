import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Activity, Scheduler } from "../../examples/playground/worker/scheduler.js";

const test = suite("the playground's scheduler");

/** Node does not exit while a port is open, so the schedulers' ports are closed at the end. */
const ports: MessagePort[] = [];
globalThis.MessageChannel = class extends MessageChannel {
	constructor() {
		super();
		ports.push(this.port1);
	}
};
test.after(() => {
	for (const port of ports) port.close();
});

const wait = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Work that takes 10 ms, and counts how often it runs at the same time. */
class Work implements Activity {
	pieces = 0;
	atOnce = 0;
	most = 0;
	stops = 0;

	async advance(): Promise<void> {
		this.atOnce += 1;
		this.most = Math.max(this.most, this.atOnce);
		await wait(10);
		this.atOnce -= 1;
		this.pieces += 1;
	}

	failed(error: unknown): void {
		throw error;
	}

	stopped(): void {
		this.stops += 1;
	}
}

/** Fulfilled with "ended" if `promise` ends within a second. */
const soon = (promise: Promise<void>) => Promise.race([promise.then(() => "ended"), wait(1000).then(() => "hangs")]);

test("an activity that is started twice while another one ends runs once, and can be stopped", async () => {
	const scheduler = new Scheduler(() => false);
	const [first, second] = [new Work(), new Work()];
	await scheduler.start(first);
	await wait(15);
	assert.is(await soon(Promise.all([scheduler.start(second), scheduler.start(second)]).then(() => {})), "ended");
	assert.is(first.stops, 1);
	await wait(50);
	assert.is(second.most, 1);
	assert.is(await soon(scheduler.stop()), "ended");
	assert.ok(second.pieces > 0);
	const { pieces } = first;
	await wait(30);
	assert.is(first.pieces, pieces);
});

test("of two activities that are started at once the last one runs", async () => {
	const scheduler = new Scheduler(() => false);
	const [first, second, third] = [new Work(), new Work(), new Work()];
	await scheduler.start(first);
	await wait(15);
	assert.is(await soon(Promise.all([scheduler.start(second), scheduler.start(third)]).then(() => {})), "ended");
	assert.is(scheduler.active, third);
	assert.is(second.stops, 1);
	await wait(30);
	assert.ok(third.pieces > 0);
	assert.is(await soon(scheduler.stop()), "ended");
});

test("a stop right after the tab was hidden does not wait until it is seen", async () => {
	const scheduler = new Scheduler(() => false);
	for (let delay = 0; delay < 12; delay++) {
		const work = new Work();
		await scheduler.start(work);
		await wait(delay);
		scheduler.hold(true);
		await Promise.resolve();
		assert.is(await soon(scheduler.stop()), "ended");
		scheduler.hold(false);
	}
});

test.run();
