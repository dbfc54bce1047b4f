import type { ComponentChildren } from "preact";

interface CardProps {
	readonly id: string;
	readonly title: string;
	/** One sentence under the title. */
	readonly lead?: ComponentChildren;
	readonly children: ComponentChildren;
	readonly wide?: boolean;
}

/** A panel of the page. Its id is what a link to it names. */
export function Card({ id, title, lead, children, wide }: CardProps) {
	return (
		<section id={id} class={`card ${wide === true ? "wide" : ""}`} aria-labelledby={`${id}-title`}>
			<h2 id={`${id}-title`}>{title}</h2>
			{lead !== undefined && <p class="lead">{lead}</p>}
			{children}
		</section>
	);
}
