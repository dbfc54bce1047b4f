/**
 * Calls an asynchronous function for each item, for several at a time, and yields the results in the items' order. At most `limit`
 * results are computed or waiting to be taken.
 */
export async function* inOrder<T, Result>(
	items: Iterable<T>,
	limit: number,
	compute: (item: T, index: number) => Promise<Result>,
): AsyncGenerator<readonly [index: number, result: Result], void, undefined> {
	const left = items[Symbol.iterator]();
	const running: Promise<Result>[] = [];
	let started = 0;
	const start = () => {
		const { done, value } = left.next();
		if (done === true) return;
		const result = compute(value, started++);
		result.catch(() => undefined); // It is reported when its turn comes.
		running.push(result);
	};
	while (running.length < limit) {
		const before = started;
		start();
		if (started === before) break;
	}
	for (let index = 0; running.length > 0; index++) {
		const result = await (running.shift() as Promise<Result>);
		start();
		yield [index, result];
	}
}
