// Values in localStorage and sessionStorage. If the user has blocked storage, nothing is kept.

type Area = "localStorage" | "sessionStorage";

export function keptValue(area: Area, key: string): string | null {
	try {
		return globalThis[area].getItem(key);
	} catch {
		return null;
	}
}

export function keepValue(area: Area, key: string, value: string): void {
	try {
		globalThis[area].setItem(key, value);
	} catch {}
}
