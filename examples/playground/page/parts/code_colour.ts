/**
 * A colour of its own for each code: hues by the golden angle, three lightnesses. The text on it is black or white, whichever
 * can be read.
 */
export function codeColour(code: number): { readonly background: string; readonly text: string } {
	const hue = (code * 137.508) % 360;
	const lightness = [0.72, 0.84, 0.6][code % 3] as number;
	return { background: `oklch(${lightness} 0.11 ${hue.toFixed(1)})`, text: "#000" };
}
