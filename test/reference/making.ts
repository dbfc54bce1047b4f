/** start, start + step, … */
export function arange(start: number, count: number, step: number): number[] {
	return Array.from({ length: count }, (_, i) => start + i * step);
}
