/** A line of a chart. */
export interface Curve {
	readonly name: string;
	/** Its colour: 1 to 4. */
	readonly colour: number;
	readonly x: readonly number[];
	/** null leaves a gap. */
	readonly y: readonly (number | null)[];
	/** Whether each point has a dot. */
	readonly dotted: boolean;
}

/** A chart over the steps of a training. */
export interface CurveChart {
	/** Of the element that the chart is drawn in. */
	readonly id: string;
	readonly title: string;
	readonly scale: "linear" | "from zero" | "logarithmic";
	readonly curves: readonly Curve[];
}
