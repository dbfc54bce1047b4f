/** The colour of a code: hues by the golden angle, three lightnesses. Black text on each of them is readable. */
export function codeColour(code: number): string {
	const hue = (code * 137.508) % 360;
	const lightness = [0.72, 0.84, 0.6][code % 3] as number;
	return `oklch(${lightness} 0.11 ${hue.toFixed(1)})`;
}
