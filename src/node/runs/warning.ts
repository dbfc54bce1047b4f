/** Does what a run can do without, such as a picture; a failure is told on stderr, and the run goes on. */
export async function warnOnFailure(what: string, body: () => Promise<void>): Promise<void> {
	try {
		await body();
	} catch (error) {
		process.stderr.write(`Warning: ${what} could not be made: ${(error as Error).message}\n`);
	}
}
