/** A small wrong change of the source, which a test has to notice. */
export interface Mutant {
	/** From the root of the repository. */
	readonly file: string;
	/** Text that occurs exactly once in the file. */
	readonly find: string;
	readonly replace: string;
	/** The test files that should notice, from test/ and without ".test.ts". */
	readonly suites: readonly string[];
}

/** Mutants of one part of the program, by what goes wrong. */
export interface Area {
	readonly name: string;
	readonly mutants: Readonly<Record<string, Mutant>>;
}
