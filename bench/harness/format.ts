import { markdownTable } from "markdown-table";

/** A column of a table: its heading and the text of a row. The first column is aligned left, the others right. */
export type Column<R> = readonly [heading: string, cell: (row: R) => string];

/** A table in Markdown, so that it reads well in a terminal and in a file. */
export function table<R>(columns: readonly Column<R>[], rows: readonly R[]): string {
	const cells = [columns.map(([heading]) => heading), ...rows.map((row) => columns.map(([, cell]) => cell(row)))];
	return markdownTable(cells, { align: columns.map((_, i) => (i === 0 ? "l" : "r")) });
}

/** A number with three digits that count, without an exponent; a dash for none. */
export function digits(value: number | null | undefined, unit = ""): string {
	if (value === null || value === undefined || !Number.isFinite(value)) return "–";
	const places = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
	return `${value.toFixed(Math.min(places, 4))}${unit}`;
}

/** A share as a percentage. */
export function percent(share: number | null | undefined): string {
	return share === null || share === undefined ? "–" : `${digits(100 * share)} %`;
}

/** A median with half the distance of its quartiles. */
export function spread(median: number | null, quartiles: readonly [number, number] | null): string {
	if (median === null || quartiles === null) return "–";
	return `${digits(median)} ± ${digits((quartiles[1] - quartiles[0]) / 2)}`;
}

/** The least and the largest of some numbers. */
export function range(values: readonly number[]): string {
	const [least, most] = [digits(Math.min(...values)), digits(Math.max(...values))];
	return least === most ? least : `${least}–${most}`;
}

/** A count of bytes. */
export function bytes(count: number | null | undefined): string {
	if (count === null || count === undefined) return "–";
	const units = ["B", "KB", "MB", "GB"];
	const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(count) / 10));
	return `${digits(count / 1024 ** power)} ${units[power]}`;
}
