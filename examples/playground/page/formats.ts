// Numbers for the user.

/** A number with so many significant digits. */
export function formatNumber(value: number | undefined, digits: number): string {
	return value === undefined || !Number.isFinite(value) ? "–" : String(Number(value.toPrecision(digits)));
}

/** A whole number with commas between the thousands. */
export function formatCount(value: number | undefined): string {
	return value === undefined ? "–" : value.toLocaleString("en-US");
}

export function formatBytes(bytes: number): string {
	return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${formatNumber(bytes / 1e6, 3)} MB`;
}

export function formatDuration(milliseconds: number): string {
	const seconds = milliseconds / 1000;
	if (seconds < 60) return `${seconds.toFixed(1)} s`;
	const minutes = Math.floor(seconds / 60);
	return minutes < 60
		? `${minutes} min ${Math.floor(seconds % 60)} s`
		: `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
