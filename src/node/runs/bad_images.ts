import { DataError } from "../../base/errors.js";
import { plural } from "../plural.js";
import { warn } from "./output.js";

/** Bad images that are named. */
const mostNamed = 5;

/** Images that cannot be used: reported, left out, and an error if there are too many. */
export class BadImages {
	count = 0;
	private first = "";

	/**
	 * @param of all images
	 * @param most the share of them that may be bad
	 */
	constructor(
		private readonly of: number,
		private readonly most: number,
	) {}

	/** @throws DataError if there are more than allowed */
	add(reason: string): void {
		this.count++;
		if (this.count === 1) this.first = reason;
		if (this.count > this.most * this.of)
			throw new DataError(
				`${plural(this.count, "image")} of ${this.of.toLocaleString("en-US")} cannot be used, more than the ${(100 * this.most).toLocaleString("en-US")} % that --max-bad allows. The first one: ${this.first}`,
			);
		if (this.count <= mostNamed) warn(`Left out: ${reason}`);
	}

	/**
	 * Reports those that were not named.
	 *
	 * @throws DataError if all are bad
	 */
	finish(): void {
		if (this.count > mostNamed) warn(`Left out: ${plural(this.count - mostNamed, "more image")}.`);
		if (this.count === this.of) throw new DataError(`None of ${plural(this.of, "image")} can be used: ${this.first}`);
	}
}
