/** A measured number with four significant digits; a dash if there is none. */
export function measured(value: number | undefined): string {
	if (value === undefined || !Number.isFinite(value)) return "–";
	if (value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-4)) return value.toExponential(2);
	return value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
}

/** A whole number with its thousands separated; a dash if there is none. */
export function counted(value: number | undefined): string {
	return value === undefined || !Number.isFinite(value) ? "–" : Math.round(value).toLocaleString("en-US");
}

/** A share in per cent. */
export function percent(share: number): string {
	return `${(100 * share).toLocaleString("en-US", { maximumSignificantDigits: 2 })} %`;
}

/** Seconds as hours, minutes and seconds. */
export function duration(seconds: number | undefined): string {
	if (seconds === undefined || !Number.isFinite(seconds)) return "–";
	const whole = Math.round(seconds);
	const hours = Math.floor(whole / 3600);
	const minutes = Math.floor((whole % 3600) / 60);
	if (hours > 0) return `${hours} h ${minutes} min`;
	return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}
