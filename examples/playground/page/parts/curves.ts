/**
 * Two curves over one axis of steps, as columns for `Chart`: null where a curve has no value, or none that a logarithmic axis can
 * show.
 */
export function joinCurves(
	stepsA: readonly number[],
	a: readonly number[],
	stepsB: readonly number[],
	b: readonly number[],
): (number | null)[][] {
	const steps: number[] = [];
	const [left, right]: [(number | null)[], (number | null)[]] = [[], []];
	for (let i = 0, j = 0; i < stepsA.length || j < stepsB.length; ) {
		const at = Math.min(stepsA[i] ?? Number.POSITIVE_INFINITY, stepsB[j] ?? Number.POSITIVE_INFINITY);
		steps.push(at);
		left.push(stepsA[i] === at ? positive(a[i++]) : null);
		right.push(stepsB[j] === at ? positive(b[j++]) : null);
	}
	return [steps, left, right];
}

/** A logarithmic axis cannot show 0. */
function positive(value: number | undefined): number | null {
	return value !== undefined && value > 0 ? value : null;
}
