/** Rows as CSV: the union of their numbers as columns, steps and tests in the order of their steps. */
export function metricsTable(
	steps: readonly { readonly step: number }[],
	tests: readonly { readonly step: number }[],
): string {
	const ofSteps = columnsOf(steps);
	const ofTests = columnsOf(tests);
	const testAt = new Map(tests.map((row) => [row.step, row as Readonly<Record<string, unknown>>]));
	const cell = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? String(value) : "");
	// A step and a test may have a number of the same name: that of the test is called test_….
	const header = ["step", ...ofSteps, ...ofTests.map((name) => `test_${name}`)];
	const lines = steps.map((row) => {
		const values = row as unknown as Readonly<Record<string, unknown>>;
		const test = testAt.get(row.step);
		return [row.step, ...ofSteps.map((name) => cell(values[name])), ...ofTests.map((name) => cell(test?.[name]))].join(
			",",
		);
	});
	return `${[header.join(","), ...lines].join("\n")}\n`;
}

/** The names of a row's numbers. Rows that were read from metrics.jsonl have others as well. */
function columnsOf([first = {}]: readonly object[]): string[] {
	return Object.keys(first).filter((name) => !["step", "type", "epoch", "seconds", "imagesPerSecond"].includes(name));
}
