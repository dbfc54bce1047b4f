/** Where choices between kernels are kept from one run to the next: one text. */
export interface ChoiceStore {
	/** The text that was written last; nothing where there is none or it cannot be read. */
	read(): Promise<string | undefined>;
	write(text: string): Promise<void>;
}

/** What was measured for a key: milliseconds of each way. */
type Measured = Readonly<Record<string, number>>;

/**
 * Which of several ways of computing the same was the fastest on this adapter, by keys that name shapes.
 *
 * @internal
 */
export class Choices {
	private readonly measured = new Map<string, Measured>();
	private changed = false;

	private constructor(private readonly store: ChoiceStore) {}

	/** Reads what was measured before; a text that is damaged counts as none. */
	static async open(store: ChoiceStore): Promise<Choices> {
		const choices = new Choices(store);
		try {
			const entries: unknown = JSON.parse((await store.read()) ?? "{}");
			if (typeof entries === "object" && entries !== null)
				for (const [key, measured] of Object.entries(entries))
					if (isMeasured(measured)) choices.measured.set(key, measured);
		} catch {
			choices.measured.clear();
		}
		return choices;
	}

	/** The fastest of the ways; nothing where one of them was not measured. */
	fastest<Way extends string>(key: string, ways: readonly Way[]): Way | undefined {
		const measured = this.measured.get(key);
		if (measured === undefined || !ways.every((way) => Object.hasOwn(measured, way))) return undefined;
		return ways.reduce((best, way) => (measured[way] < measured[best] ? way : best));
	}

	note(key: string, measured: Measured): void {
		this.measured.set(key, { ...this.measured.get(key), ...measured });
		this.changed = true;
	}

	/** Writes what is new to the store. */
	async save(): Promise<void> {
		if (!this.changed) return;
		this.changed = false;
		await this.store.write(`${JSON.stringify(Object.fromEntries(this.measured), undefined, "\t")}\n`);
	}
}

function isMeasured(value: unknown): value is Measured {
	return typeof value === "object" && value !== null && Object.values(value).every((time) => typeof time === "number");
}
