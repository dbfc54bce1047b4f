import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** The ids of the panels that can be seen, or nearly. */
export const visiblePanels = signal<ReadonlySet<string>>(new Set());

/** Keeps `visiblePanels` up to date for these panels. */
export function useVisiblePanels(ids: readonly string[]): void {
	useEffect(() => {
		const seen = new Set<string>();
		const observer = new IntersectionObserver(
			(entries) => {
				for (const { target, isIntersecting } of entries) {
					if (isIntersecting) seen.add(target.id);
					else seen.delete(target.id);
				}
				visiblePanels.value = new Set(seen);
			},
			{ rootMargin: "100px" },
		);
		for (const id of ids) {
			const element = document.getElementById(id);
			if (element !== null) observer.observe(element);
		}
		return () => observer.disconnect();
	}, [ids]);
}
