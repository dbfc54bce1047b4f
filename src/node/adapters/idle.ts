/** In milliseconds; the longest is how late the end of a wait may be noticed. */
const shortestNap = 1 / 64;
const longestNap = 1;

const cell = new Int32Array(new SharedArrayBuffer(4));
let waits = 0;
let nap = shortestNap;
let napping = false;

/**
 * Puts the thread to sleep between the turns of the event loop, in naps that grow to a millisecond, until the function
 * that it returns is called. While a promise of Dawn's is open, Dawn asks after it in every turn of the loop, which takes
 * a core; where shaders run on the CPU, it is a core that they lack.
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
