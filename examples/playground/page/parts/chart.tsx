import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { colourOf } from "./colour_of.js";

export interface ChartSeries {
	readonly label: string;
	/** A custom property of the style sheet, such as "--curve-1". */
	readonly colour: string;
	readonly dashed?: boolean;
}

interface ChartProps {
	readonly title: string;
	readonly xLabel: string;
	readonly series: readonly ChartSeries[];
	/** Columns: x, then one for each series; null for no value. */
	readonly data: readonly (readonly (number | null)[])[];
	/** Something that changes with the data. */
	readonly version: unknown;
	readonly logarithmic?: boolean;
	readonly height?: number;
	/** What a screen reader says. */
	readonly summary: string;
}

/** A chart of curves; values under the pointer are shown in its legend. */
export function Chart({ title, xLabel, series, data, version, logarithmic, height = 190, summary }: ChartProps) {
	const place = useRef<HTMLDivElement>(null);
	const plot = useRef<uPlot | undefined>(undefined);
	const latest = useRef(data);
	latest.current = data;
	useEffect(() => {
		const { current: element } = place;
		if (element === null) return;
		const make = () => {
			plot.current?.destroy();
			const colour = (name: string) => colourOf(element, name);
			const axis = { stroke: colour("--muted"), grid: { stroke: colour("--edge"), width: 1 }, ticks: { show: false } };
			plot.current = new uPlot(
				{
					width: Math.max(120, element.clientWidth),
					height,
					padding: [8, 16, 0, 0],
					scales: { x: { time: false }, y: logarithmic === true ? { distr: 3 } : {} },
					axes: [
						{ ...axis, size: 28 },
						{ ...axis, size: 44, ...(logarithmic === true ? { values: logarithmicTicks } : {}) },
					],
					series: [
						{ label: xLabel },
						...series.map(({ label, colour: name, dashed }) => ({
							label,
							stroke: colour(name),
							width: 1.75,
							spanGaps: true,
							points: { show: false },
							...(dashed === true ? { dash: [5, 4] } : {}),
							value: (_: uPlot, value: number | null) => (value == null ? "–" : value.toPrecision(3)),
						})),
					],
					legend: { live: true },
					cursor: { drag: { x: false, y: false } },
				},
				toColumns(latest.current),
				element,
			);
		};
		make();
		const sizes = new ResizeObserver(() =>
			plot.current?.setSize({ width: Math.max(120, element.clientWidth), height }),
		);
		sizes.observe(element);
		const theme = new MutationObserver(make);
		theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
		const scheme = matchMedia("(prefers-color-scheme: dark)");
		scheme.addEventListener("change", make);
		return () => {
			sizes.disconnect();
			theme.disconnect();
			scheme.removeEventListener("change", make);
			plot.current?.destroy();
			plot.current = undefined;
		};
	}, [series, logarithmic, height, xLabel]);
	useEffect(() => plot.current?.setData(toColumns(latest.current)), [version]);
	return (
		<figure class="chart">
			<figcaption>{title}</figcaption>
			<div ref={place} role="img" aria-label={`${title}. ${summary}`} />
		</figure>
	);
}

function toColumns(data: readonly (readonly (number | null)[])[]): uPlot.AlignedData {
	return data as unknown as uPlot.AlignedData;
}

/** Labels of 1, 2 and 5 times powers of ten; there is no room for others. */
function logarithmicTicks(_: uPlot, values: number[]): string[] {
	return values.map((value) => {
		if (value == null) return "";
		const lead = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
		return Math.abs(lead - 1) < 1e-6 || Math.abs(lead - 2) < 1e-6 || Math.abs(lead - 5) < 1e-6
			? String(Number(value.toPrecision(2)))
			: "";
	});
}
