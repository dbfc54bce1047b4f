/** How many elements of an array, or fields of an object, are printed. */
const MOST = 64;

/** What console.log prints, as text. */
export function formatValues(values: readonly unknown[]): string {
	return values.map((value) => (typeof value === "string" ? value : format(value, 0))).join(" ");
}

function format(value: unknown, depth: number): string {
	if (typeof value === "string") return JSON.stringify(value);
	if (typeof value === "function") return `function ${value.name || "without a name"}`;
	if (typeof value !== "object" || value === null) return String(value);
	if (value instanceof Error) return `${value.name}: ${value.message}`;
	if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
		const numbers = Array.from(value as unknown as ArrayLike<number | bigint>);
		return `${value.constructor.name}(${numbers.length}) ${list(rounded(numbers))}`;
	}
	if (depth > 3) return "…";
	if (Array.isArray(value)) {
		const isNumbers = value.every((item) => typeof item === "number");
		return list(isNumbers ? rounded(value) : value.slice(0, MOST).map((item) => format(item, depth + 1)), value.length);
	}
	// Tensors and devices describe themselves.
	if (value.toString !== Object.prototype.toString) return String(value);
	const fields = Object.entries(value).map(([name, field]) => `${name}: ${format(field, depth + 1)}`);
	const kind = value.constructor?.name ?? "Object";
	return `${kind === "Object" ? "" : `${kind} `}{ ${fields.slice(0, MOST).join(", ")} }`;
}

function list(items: readonly string[], length = items.length): string {
	const more = length > MOST ? `, … ${length - MOST} more` : "";
	return `[${items.slice(0, MOST).join(", ")}${more}]`;
}

/** Numbers with as many decimals as the largest of them needs for four digits. */
function rounded(numbers: readonly (number | bigint)[]): string[] {
	const largest = Math.max(
		...numbers.slice(0, MOST).map((number) => (Number.isFinite(Number(number)) ? Math.abs(Number(number)) : 0)),
	);
	const decimals = Math.min(100, Math.max(0, 3 - Math.floor(Math.log10(largest || 1))));
	return numbers.map((number) => {
		if (typeof number === "bigint" || Number.isInteger(number) || !Number.isFinite(number)) return String(number);
		return String(Number(number.toFixed(decimals)) || 0);
	});
}
