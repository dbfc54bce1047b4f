interface BarsProps {
	readonly values: ArrayLike<number>;
	/** Bars with another colour. */
	readonly marked?: number | undefined;
	readonly label: string;
	readonly height?: number;
}

/** Numbers as bars from 0 to the largest. */
export function Bars({ values, marked, label, height = 60 }: BarsProps) {
	const all = Array.from(values);
	const most = Math.max(...all, 1e-12);
	return (
		<svg
			class="bars"
			viewBox={`0 0 ${all.length} ${height}`}
			preserveAspectRatio="none"
			role="img"
			aria-label={label}
			style={{ height: `${height}px` }}
		>
			<path d={pathOf(all, most, height, (i) => i !== marked)} />
			{marked !== undefined && <path class="marked" d={pathOf(all, most, height, (i) => i === marked)} />}
		</svg>
	);
}

function pathOf(values: readonly number[], most: number, height: number, isShown: (i: number) => boolean): string {
	return values
		.map((value, i) => {
			if (!isShown(i)) return "";
			const top = Math.max(1.5, (height * value) / most);
			return `M${i + 0.1} ${height}v${-top.toFixed(2)}h0.8V${height}z`;
		})
		.join("");
}
