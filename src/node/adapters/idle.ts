/** In milliseconds. The longest is the delay with which the end of a wait is noticed at most. */
const shortestNap = 1 / 64;
const longestNap = 1;

const cell = new Int32Array(new SharedArrayBuffer(4));
let waits = 0;
let nap = shortestNap;
let napping = false;

/**
 * Makes the thread sleep between the turns of the event loop, up to a millisecond each time, until the returned function is
 * called. While a promise of Dawn is pending, Dawn polls it in every turn of the loop, which keeps a core busy. If shaders run
 * on the CPU, they need that core.
 */
export function idle(): () => void {
	waits++;
	nap = shortestNap;
	if (!napping) setImmediate(turn);
	napping = true;
	let over = false;
	return () => {
		if (!over) waits--;
		over = true;
	};
}

function turn(): void {
	napping = waits > 0;
	if (!napping) return;
	Atomics.wait(cell, 0, 0, nap);
	nap = Math.min(2 * nap, longestNap);
	setImmediate(turn);
}
