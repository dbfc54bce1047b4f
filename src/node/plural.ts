/** A count with its noun: "1 image", "2 images", "10,000 images". */
export function plural(count: number, one: string, several = `${one}s`): string {
	return `${count.toLocaleString("en-US")} ${count === 1 ? one : several}`;
}
