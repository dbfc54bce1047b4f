import { wrongArgument } from "../../base/arguments.js";

/** How often something is done: after so many steps, or so many seconds. */
export interface Interval {
	readonly steps?: number;
	readonly seconds?: number;
}

const seconds = { s: 1, m: 60, h: 3600 } as const;

/**
 * "500" is every 500 steps, "30s", "5m" and "1h" are times.
 *
 * @throws ArgumentError if it is neither
 */
export function parseInterval(caller: string, flag: string, text: string): Interval {
	const [, digits, unit] = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text.trim()) ?? [];
	const count = Number(digits);
	const isSteps = unit === "";
	if (digits === undefined || count <= 0 || (isSteps && !Number.isInteger(count)))
		throw wrongArgument(caller, flag, "a number of steps, or a time such as 30s, 5m or 1h", text);
	return isSteps ? { steps: count } : { seconds: count * seconds[unit as keyof typeof seconds] };
}
