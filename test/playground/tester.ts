import type { Page } from "playwright-core";

export interface Tester {
	readonly page: Page;
	readonly address: string;
	test(name: string, body: () => Promise<void>): Promise<void>;
}
