// The same in Node: its openDevice takes an adapter.
import { type AdapterChoice, openDevice } from "tessera-gpu/node";

export async function adapters(): Promise<string[]> {
	const choices: AdapterChoice[] = ["auto", "gpu", "lavapipe", "swiftshader"];
	const names: string[] = [];
	for (const adapter of choices) names.push((await openDevice({ adapter, announce: false })).adapter.description);
	return names;
}
