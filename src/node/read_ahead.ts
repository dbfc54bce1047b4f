/**
 * Yields what a generator yields, while the next values are already being computed.
 *
 * @param count values that are computed ahead
 */
export async function* readAhead<T>(
	source: AsyncGenerator<T, void, undefined>,
	count: number,
): AsyncGenerator<T, void, undefined> {
	const waiting: Promise<IteratorResult<T, void>>[] = [];
	const ask = () => {
		const next = source.next();
		next.catch(() => undefined); // It is reported when its turn comes.
		waiting.push(next);
	};
	try {
		for (let i = 0; i <= count; i++) ask();
		for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
			const result = await next;
			if (result.done) return;
			ask();
			yield result.value;
		}
	} finally {
		await source.return().catch(() => undefined);
	}
}
