interface CodeSliderProps {
	readonly label: string;
	readonly codes: number;
	/** Codes in a row of the picture that the slider belongs to. */
	readonly columns: number;
	readonly value: number;
	readonly describe: (code: number) => string;
	readonly onCode: (code: number) => void;
	readonly onLeave?: () => void;
}

/** Chooses a code by keyboard; it is seen only as the outline of the picture that it belongs to. */
export function CodeSlider({ label, codes, columns, value, describe, onCode, onLeave }: CodeSliderProps) {
	const jump = (event: KeyboardEvent) => {
		const by = { ArrowUp: -columns, ArrowDown: columns }[event.key];
		if (by === undefined) return;
		event.preventDefault();
		onCode(Math.min(codes - 1, Math.max(0, value + by)));
	};
	return (
		<input
			type="range"
			class="behind"
			min={0}
			max={codes - 1}
			value={value}
			aria-label={label}
			aria-valuetext={describe(value)}
			onInput={(event) => onCode(Number(event.currentTarget.value))}
			onKeyDown={jump}
			onFocus={() => onCode(value)}
			onBlur={() => onLeave?.()}
		/>
	);
}
